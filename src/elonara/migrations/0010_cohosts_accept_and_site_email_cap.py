from django.db import migrations, models
from django.utils import timezone


def count_as_accepted(apps, schema_editor):
    """Who runs an event already was never asked, and goes on running it."""
    apps.get_model('elonara', 'EventHost').objects.filter(accepted_at=None).update(accepted_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0009_drafts_as_rows'),
    ]

    operations = [
        migrations.AddField(
            model_name='eventhost',
            name='accepted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='eventhost',
            name='declined_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(count_as_accepted, migrations.RunPython.noop),
        migrations.AddField(
            model_name='emailinvitation',
            name='site_day',
            field=models.DateField(blank=True, db_index=True, null=True),
        ),
    ]
