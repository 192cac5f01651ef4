from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0006_shared_cache'),
    ]

    operations = [
        migrations.AddField(
            model_name='emailinvitation',
            name='site_day',
            field=models.DateField(blank=True, db_index=True, null=True),
        ),
    ]
