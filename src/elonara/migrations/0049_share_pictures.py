import django.utils.timezone
from django.db import migrations, models


def what_is_to_come(apps, schema_editor):
    """Events that have not begun are due now; the others need no picture any more."""
    now = django.utils.timezone.now()
    events = apps.get_model('elonara', 'Event').objects.using(schema_editor.connection.alias)
    events.filter(starts_at__gte=now).update(share_picture_due_at=now)


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0048_covers'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='share_picture',
            field=models.FileField(blank=True, db_default='', upload_to='share'),
        ),
        migrations.AddField(
            model_name='event',
            name='share_picture_due_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(what_is_to_come, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='event',
            name='share_picture_due_at',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('share_picture_due_at__isnull', False)), fields=['share_picture_due_at'], name='events_with_share_picture_due'),
        ),
    ]
