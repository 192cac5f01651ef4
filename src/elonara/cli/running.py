"""What `elonara doctor` reads in the rows: who works, what is stuck, and who could not post tomorrow."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.utils import timezone

from elonara.cli import migrate
from elonara.cli.findings import Finding, Level
from elonara.housekeeping import reconnecting, workers
from elonara.housekeeping.models import Errand
from elonara.invitations.models import HostSending, Invitation, State
from elonara.options import Options


def look(options: Options) -> Iterator[Finding]:
    """Nothing where the database cannot be read: that was said already."""
    try:
        if migrate.pending():
            return
        yield from _workers(options)
        yield from _errands()
        yield from _paused()
        yield from _sessions(options)
    except DatabaseError:
        return


def _workers(options: Options) -> Iterator[Finding]:
    working, silent = workers.alive(), workers.silent()
    if working:
        names = ", ".join(f"{worker.name} ({worker.engine})" for worker in working)
        yield Finding("ok", "workers", names)
    else:
        waiting = Invitation.objects.filter(state__in=(State.QUEUED, State.SENDING, State.UNDOING)).count()
        command = "elonara worker, or elonara serve" if options.database.is_postgres else "elonara serve"
        level: Level = "wrong" if waiting else "note"
        yield Finding(level, "workers", f"no process runs jobs; {waiting} invitations wait", f"Start: {command}")
    if silent:
        ago = (timezone.now() - silent[0].seen_at).total_seconds()
        says = f"{len(silent)} ended without a word, the last {ago:.0f} s ago; others take up what they left"
        yield Finding("note", "workers", says, "Were they killed? Look into their logs, and at this machine's memory.")


def _errands() -> Iterator[Finding]:
    for errand in Errand.objects.exclude(error=""):
        yield Finding("wrong", "errand", f"{errand.name}: {errand.error}", "It comes again by itself; see the log.")


def _paused() -> Iterator[Finding]:
    count = HostSending.objects.exclude(paused_at=None).count()
    if count:
        yield Finding("note", "sending", f"paused for {count} hosts", "Look at /admin/jobs/ and let them go on.")


def _sessions(options: Options) -> Iterator[Finding]:
    alone = reconnecting.on_app_passwords_alone()
    if alone:
        fix = "Nothing is to be done now. Before posts go by OAuth, ask them to connect: elonara reauthorize --tell"
        yield Finding("note", "members", f"{alone} can post by app password alone", fix)
    lacking = reconnecting.lacking_write_scope()
    if lacking:
        names = ", ".join(f"@{one.handle} ({one.reason})" for one in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        urgent: Level = "wrong" if reconnecting.writes_by_oauth() else "note"
        says = f"{len(lacking)} hosts cannot post by OAuth: {names}{more}"
        yield Finding(urgent, "members", says, "Ask them to renew their permission: elonara reauthorize --tell")
