"""Where the handlers of jobs are: importing these modules registers them."""

from __future__ import annotations

from importlib import import_module
from typing import Final

# Named here and not found by a search, so that a process which lost one does not start in silence.
MODULES: Final = ("elonara.invitations.delivery", "elonara.housekeeping.wiring")


def load() -> None:
    """Register every handler of the site."""
    for name in MODULES:
        import_module(name)
