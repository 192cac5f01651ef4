from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0042_handover'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuestDataNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('told_at', models.DateTimeField()),
                ('days', models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='event',
            name='guest_data_deleted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='event',
            name='guest_totals',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('guest_data_deleted_at', None)), fields=['starts_at'], name='events_with_guest_data'),
        ),
    ]
