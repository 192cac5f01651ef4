"""Which jobs a process runs. What requests may wake every process registers (`elonara.apps`); this is the rest."""

from __future__ import annotations

from elonara.housekeeping import wiring


def load() -> None:
    """Register what only processes that run jobs need to know: the errands that come back by themselves."""
    wiring.install_errands()
