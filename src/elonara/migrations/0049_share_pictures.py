import django.utils.timezone
from django.db import migrations, models


def only_what_is_to_come(apps, schema_editor):
    """Every event is due now; those that have begun need no picture any more."""
    events = apps.get_model('elonara', 'Event').objects.using(schema_editor.connection.alias)
    events.filter(starts_at__lt=django.utils.timezone.now()).update(share_picture_due_at=None)


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
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True),
        ),
        migrations.RunPython(only_what_is_to_come, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('share_picture_due_at__isnull', False)), fields=['share_picture_due_at'], name='events_with_share_picture_due'),
        ),
    ]
