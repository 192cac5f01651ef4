"""The folded texts that searches for events, communities and members look at; what is there already is folded now."""

from typing import Any

from django.db import migrations, models

from elonara.search_columns import fill

COLUMNS = {
    "event": {"search_name": ("title",), "search_text": ("title", "location", "description")},
    "community": {"search_name": ("name",), "search_text": ("name", "description")},
    "member": {"search_text": ("display_name", "username")},
}


def fold(apps: Any, schema_editor: Any) -> None:
    for model, columns in COLUMNS.items():
        rows = apps.get_model("elonara", model).objects.using(schema_editor.connection.alias)
        fill(rows.all(), columns)


class Migration(migrations.Migration):
    dependencies = [("elonara", "0030_places")]

    operations = [
        *(
            migrations.AddField(model, column, models.TextField(default="", db_default="", editable=False))
            for model, columns in COLUMNS.items()
            for column in columns
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
