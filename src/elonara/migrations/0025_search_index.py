"""The trigram index over the people of the stored graph, on each database in its own way."""

from typing import Any

from django.db import migrations

from elonara.bluesky.graph import search_index


def create(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in search_index.POSTGRESQL_CREATE if postgresql else search_index.SQLITE_CREATE:
        schema_editor.execute(statement, params=None)


def drop(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in search_index.POSTGRESQL_DROP if postgresql else search_index.SQLITE_DROP:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("elonara", "0024_stored_graph")]

    operations = [migrations.RunPython(create, drop)]
