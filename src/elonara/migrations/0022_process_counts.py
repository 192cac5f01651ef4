from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0020_worker_held'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProcessCounts',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('counts', models.TextField()),
                ('seen_at', models.DateTimeField()),
            ],
        ),
    ]
