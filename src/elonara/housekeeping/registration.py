"""Registers the job handlers of housekeeping."""

from __future__ import annotations

from elonara import jobs
from elonara.housekeeping import outgoing_email, periodic_tasks


def install() -> None:
    """Register jobs that any process may wake. Called when the site starts; calling it twice changes nothing."""
    jobs.register(outgoing_email.JOB_KIND, outgoing_email.poll, outgoing_email.sweep)


def install_periodic_tasks() -> None:
    """Register the periodic tasks. Called only in processes that run jobs."""
    jobs.register(periodic_tasks.JOB_KIND, periodic_tasks.poll, periodic_tasks.sweep)
