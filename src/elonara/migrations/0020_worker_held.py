from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0019_indexes_for_large_sites'),
    ]

    operations = [
        migrations.AddField(
            model_name='worker',
            name='held',
            field=models.CharField(blank=True, max_length=20),
        ),
    ]
