"""By how much a worker's clock differs from the database's, for `elonara doctor`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("elonara", "0014_posts_that_correct")]

    operations = [
        migrations.AddField(model_name="worker", name="clock_ahead", field=models.FloatField(default=0)),
    ]
