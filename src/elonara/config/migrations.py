"""Whether the database schema is that of this version."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def pending() -> list[str]:
    """The migrations that were not applied yet, in order, such as `elonara.0002_teams`."""
    # Planning imports every migration, which delays each start, and takes 3 MB for as long as the process runs.
    if set(_on_disk()) <= MigrationRecorder(connection).applied_migrations().keys():
        return []
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _on_disk() -> Iterator[tuple[str, str]]:
    """App label and name of every migration, by the names of the files, as Django's loader chooses them."""
    for config in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(config.label)
        spec = find_spec(module) if module else None
        for file in iter_modules(spec.submodule_search_locations if spec else []):
            if not file.ispkg and file.name[0] not in "_~":
                yield config.label, file.name
