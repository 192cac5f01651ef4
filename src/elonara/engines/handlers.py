"""The job kinds that only workers register. Those that a request may wake are registered by `elonara.apps`."""

from __future__ import annotations

from elonara.housekeeping import registration


def load() -> None:
    """Register the periodic tasks, which only processes that run jobs need."""
    registration.install_periodic_tasks()
