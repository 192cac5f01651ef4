# The pause of all e-mail, and whom a server refused as unwanted lately.
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0015_worker_clocks'),
    ]

    operations = [
        migrations.CreateModel(
            name='MailPause',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('reason', models.CharField(choices=[('connect', 'Connect'), ('tls', 'Tls'), ('auth', 'Auth'), ('sender', 'Sender'), ('quota', 'Quota'), ('blocked', 'Blocked')], max_length=10)),
                ('reply', models.CharField(blank=True, max_length=20)),
                ('since', models.DateTimeField()),
                ('tries', models.PositiveIntegerField(default=0)),
                ('next_try_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MailRefusal',
            fields=[
                ('recipient_hash', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('domain_hash', models.CharField(max_length=64)),
                ('at', models.DateTimeField(db_index=True)),
            ],
        ),
    ]
