"""Registers the jobs of this floor."""

from __future__ import annotations

from elonara import jobs
from elonara.housekeeping import outgoing_email, periodic_tasks


def install() -> None:
    """What any process may wake. Called once, when the site starts; doing it twice changes nothing."""
    jobs.register(outgoing_email.JOB_KIND, outgoing_email.poll, outgoing_email.sweep)


def install_periodic_tasks() -> None:
    """What comes back by itself, for processes that run jobs."""
    jobs.register(periodic_tasks.JOB_KIND, periodic_tasks.poll, periodic_tasks.sweep)
