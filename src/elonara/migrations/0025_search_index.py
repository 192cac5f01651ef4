"""The trigram index over the people of the stored graph, on each database in its own way."""

from django.db import migrations

from elonara.bluesky.graph import search_index


class Migration(migrations.Migration):
    dependencies = [("elonara", "0024_stored_graph")]

    operations = [migrations.RunPython(search_index.create, search_index.drop)]
