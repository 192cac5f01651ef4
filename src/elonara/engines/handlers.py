"""Which jobs a process runs. What requests may wake every process registers (`elonara.apps`); this is the rest."""

from __future__ import annotations

from elonara.housekeeping import registration


def load() -> None:
    """Register what only processes that run jobs need to know: the errands that come back by themselves."""
    registration.install_periodic_tasks()
