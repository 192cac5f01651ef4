"""People of a community can be searched: the folded name and handle of those without an account."""

from typing import Any

from django.db import migrations, models

from elonara.search_columns import fill


def fold(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("elonara", "membership").objects.using(schema_editor.connection.alias)
    fill(rows.filter(member=None), {"search_text": ("name", "handle")})


class Migration(migrations.Migration):
    dependencies = [("elonara", "0044_reports")]

    operations = [
        migrations.AddField("membership", "search_text", models.TextField(default="", db_default="", editable=False)),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
