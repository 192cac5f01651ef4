"""Joining communities: by request where an admin says so, removals that hold, events that members add, a list to search.

The search looks at the folded name and handle of those without an account; what is there already is folded now.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from elonara.search_columns import fill


def fold(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("elonara", "membership").objects.using(schema_editor.connection.alias)
    fill(rows.filter(member=None), {"search_text": ("name", "handle")})


class Migration(migrations.Migration):
    dependencies = [("elonara", "0044_reports")]

    operations = [
        migrations.AddField("membership", "search_text", models.TextField(default="", db_default="", editable=False)),
        migrations.AddField("community", "members_add_events", models.BooleanField(default=False, db_default=False)),
        migrations.AddField(
            model_name='community',
            name='joining',
            field=models.CharField(choices=[('open', 'Open'), ('request', 'Request')], db_default='open', default='open', max_length=7),
        ),
        migrations.CreateModel(
            name='JoinRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(blank=True, max_length=500)),
                ('asked_at', models.DateTimeField(auto_now_add=True)),
                ('outcome', models.CharField(blank=True, choices=[('', 'Open'), ('accepted', 'Accepted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn'), ('ended', 'Ended')], db_default='', default='', max_length=9)),
                ('answer', models.CharField(blank=True, max_length=300)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('community', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='join_requests', to='elonara.community')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('outcome', '')), fields=('community', 'member'), name='one_open_request_to_join')],
            },
        ),
        migrations.CreateModel(
            name='Removal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('did', models.CharField(blank=True, max_length=256)),
                ('name', models.CharField(blank=True, max_length=640)),
                ('handle', models.CharField(blank=True, max_length=253)),
                ('removed_at', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('community', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='removals', to='elonara.community')),
                ('member', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['did'], name='removals_of_a_did')],
                'constraints': [models.CheckConstraint(condition=models.Q(('member__isnull', False), models.Q(('did', ''), _negated=True), _connector='OR'), name='removal_names_somebody')],
            },
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
