"""Whether a database is up to date is seen without importing its migrations."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from elonara.config.migrations import _on_disk, pending

ON_A_DATABASE_WITH_ALL_ROWS = """
import sys
import django
django.setup()
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from elonara.config.migrations import _on_disk, pending
for migration in _on_disk():
    MigrationRecorder(connection).record_applied(*migration)
print(pending(), [name for name in sys.modules if name.startswith("elonara.migrations.")])
"""


def test_the_files_are_those_that_django_loads():
    assert set(_on_disk()) == MigrationLoader(None).disk_migrations.keys()


@pytest.mark.django_db
def test_every_migration_is_needed():
    loader = MigrationLoader(None)
    last = [leaf for leaf in loader.graph.leaf_nodes() if leaf[0] in {"elonara", "account"}]
    recorder = MigrationRecorder(connection)
    for migration in loader.disk_migrations:
        recorder.record_applied(*migration)
    assert pending() == []
    for app, name in last:
        recorder.record_unapplied(app, name)
        assert pending() == [f"{app}.{name}"]
        recorder.record_applied(app, name)


def test_a_start_on_an_up_to_date_database_imports_none(tmp_path):
    environment = {
        "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
        "ELONARA_DATA_DIR": str(tmp_path),
        "ELONARA_CONFIG": "/dev/null",
    }
    command = [sys.executable, "-c", ON_A_DATABASE_WITH_ALL_ROWS]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[] []"
