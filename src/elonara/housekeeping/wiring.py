"""Registers the jobs of this floor."""

from __future__ import annotations

from elonara import jobs
from elonara.housekeeping import errands, letters


def install() -> None:
    """What any process may wake. Called once, when the site starts; doing it twice changes nothing."""
    jobs.register(letters.KIND, letters.look, letters.sweep)


def install_errands() -> None:
    """What comes back by itself, for processes that run jobs."""
    jobs.register(errands.KIND, errands.look, errands.sweep)
