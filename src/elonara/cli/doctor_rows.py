"""Checks of `elonara doctor` in the database: workers, a stuck queue, failures, and hosts who cannot post by OAuth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db import DatabaseError
from django.db.models import Max, Q
from django.utils import timezone

from elonara import shared_clock
from elonara.bluesky.models import AppPasswordSession, PdsHost
from elonara.bluesky.oauth.self_check import OFF_SECONDS, SYNC, way
from elonara.bluesky.sealed_columns import unsealed
from elonara.cli import migrate, moved_site
from elonara.cli.doctor_findings import Finding, Level
from elonara.housekeeping import clock_check, reauthorization, words, workers
from elonara.housekeeping.models import OutgoingEmail, PeriodicTask, Worker
from elonara.housekeeping.overview import own_troubles
from elonara.invitations import reasons
from elonara.invitations.models import EmailInvitation, EmailState, HostSending, Invitation, State
from elonara.invitations.outbox.due_times import poll_times
from elonara.invitations.transitions import MODELS
from elonara.options import Options
from elonara.sealing import CannotUnseal

# Due posts are normally sent within seconds, and a worker spends at most 20 s on one account before the next.
STUCK_AFTER: Final = timedelta(minutes=10)
DAY: Final = timedelta(days=1)


def check(options: Options) -> Iterator[Finding]:
    """Run the checks of this module; none where the database cannot be read or lacks migrations: `doctor` says so."""
    try:
        if migrate.pending():
            return
        yield from _clock()
        yield from _other_clocks()
        for text in own_troubles():  # what the site's processes have noticed, on this machine or on others
            yield Finding("note", "notice", text, "It settles automatically once that is over.")
        yield from _workers(options)
        yield from _queue()
        yield from _failed()
        yield from _periodic_tasks()
        yield from _paused()
        yield from _servers()
        yield from _relay(options)
        yield from _sessions(options)
        if waiting := moved_site.waiting():
            yield Finding("wrong", "members", waiting, moved_site.FIX)
    except DatabaseError:
        return


def _clock() -> Iterator[Finding]:
    """Compare the clock with the newest dates in the database.

    The health check of a running site notices when the clock is set back; this process has just started and cannot.
    """
    found = [
        Worker.objects.aggregate(at=Max("seen_at"))["at"],
        PeriodicTask.objects.aggregate(at=Max("ran_at"))["at"],
        *(model.objects.aggregate(at=Max("last_attempt_at"))["at"] for model in MODELS),
    ]
    ahead = max(((at - timezone.now()).total_seconds() for at in found if at is not None), default=0.0)
    if ahead > clock_check.TOLERANCE_SECONDS:
        says = f"rows are dated {ahead:.0f} s in the future: this clock was set back, or another machine's is ahead"
        yield Finding("wrong", "clock", says, SYNC)


def _other_clocks() -> Iterator[Finding]:
    """Compare the clocks of the database and of the workers' machines with this one's."""
    ours = shared_clock.ahead_of_database()
    if abs(ours) >= OFF_SECONDS:
        says = f"the database's clock is {abs(ours):.0f} seconds off from this machine's ({way(-ours)})"
        yield Finding("wrong", "clock", says, SYNC)
    for worker in workers.alive():
        ahead = worker.clock_ahead - ours
        if abs(ahead) >= OFF_SECONDS:
            says = f"the clock of worker {worker.name} is {abs(ahead):.0f} seconds off from ours ({way(ahead)})"
            yield Finding("wrong", "clock", says, SYNC)


def _workers(options: Options) -> Iterator[Finding]:
    working, silent = workers.alive(), workers.silent()
    for worker in working:
        if worker.held:
            says = f"{worker.name} takes no work: {words.in_words(worker.held, 'held')}"
            yield Finding("wrong", "workers", says, words.HELD_ADVICE.get(worker.held, ""))
    if free := [worker for worker in working if not worker.held]:
        yield Finding("ok", "workers", ", ".join(f"{worker.name} ({worker.engine})" for worker in free))
    if not working:
        waiting = Invitation.objects.filter(state__in=(State.QUEUED, State.SENDING, State.UNDOING)).count()
        command = "elonara worker, or elonara serve" if options.database.is_postgres else "elonara serve"
        level: Level = "wrong" if waiting else "note"
        yield Finding(level, "workers", f"no process runs jobs; {waiting} invitations wait", f"Start: {command}")
    if silent:
        now = timezone.now() - timedelta(seconds=shared_clock.ahead_of_database())
        ago = (now - silent[0].seen_at).total_seconds()
        says = f"{len(silent)} stopped without notice, the last {ago:.0f} s ago; others take up what they left"
        yield Finding("note", "workers", says, "Were they killed? Look into their logs, and at this machine's memory.")


def _queue() -> Iterator[Finding]:
    now = timezone.now()
    # Use delivery's own calculation: spacing between posts, pauses and awaited confirmations are no standstill.
    due = list(poll_times().values())
    due += OutgoingEmail.objects.order_by("due_at").values_list("due_at", flat=True)[:1]
    invited = EmailInvitation.objects.filter(state=EmailState.QUEUED)
    # Leave out hosts whose sending is paused: these wait for the operator, not for a worker.
    invited = invited.filter(Q(host__sending=None) | Q(host__sending__paused_at=None))
    due += invited.order_by("due_at").values_list("due_at", flat=True)[:1]
    late = now - min(due, default=now)
    if late > STUCK_AFTER:
        fix = "Is a worker running, and what does its log say? /admin/jobs/ names the accounts."
        says = f"what is due longest has waited for {late.total_seconds() / 60:.0f} minutes"
        yield Finding("wrong", "queue", says, fix)


def _failed() -> Iterator[Finding]:
    since, found = timezone.now() - DAY, Counter[str]()
    for model in MODELS:
        recent = Q(last_attempt_at__gte=since) | Q(last_attempt_at=None, queued_at__gte=since)
        found.update(model.objects.filter(recent, state=State.FAILED).values_list("reason", flat=True))
    emails = EmailInvitation.objects.filter(state=EmailState.FAILED, due_at__gte=since)
    found.update(emails.values_list("reason", flat=True))
    if found:
        why = " ".join(f"{count}: {reasons.sentence(code) or 'no reason'}" for code, count in found.most_common(3))
        fix = "Their hosts see why and can try again; /admin/jobs/ shows all reasons."
        yield Finding("note", "failed", f"{found.total()} in the last day. {why}", fix)


def _periodic_tasks() -> Iterator[Finding]:
    for task in PeriodicTask.objects.exclude(error=""):
        yield Finding("wrong", "errand", f"{task.name}: {task.error}", "It runs again automatically; see the log.")


def _paused() -> Iterator[Finding]:
    count = HostSending.objects.exclude(paused_at=None).count()
    if count:
        yield Finding("note", "sending", f"paused for {count} hosts", "Look at /admin/jobs/ and let them send again.")


def _servers() -> Iterator[Finding]:
    for server in PdsHost.objects.filter(paused_until__gt=timezone.now()).order_by("origin"):
        says = f"{server.origin} is left alone until {server.paused_until:%H:%M} UTC ({server.reason})"
        yield Finding("note", "server", says, "It continues automatically; /admin/jobs/ resumes it at once.")


def _relay(options: Options) -> Iterator[Finding]:
    relay = options.bluesky.relay
    row = AppPasswordSession.objects.filter(member=None, state=AppPasswordSession.State.REFUSED).first()
    if row is None or not relay.identifier:
        return
    try:
        refused = unsealed(row, "app_password_enc")
    except CannotUnseal:
        return  # the next use starts a new session with the password in the settings
    if refused is not None and refused.reveal() == relay.app_password:
        fix = "Create a new app password for that account, set bluesky.relay.app_password to it, and restart."
        yield Finding("wrong", "relay", f"{row.handle}'s server no longer accepts its app password", fix)


def _sessions(options: Options) -> Iterator[Finding]:
    app_password_only = reauthorization.on_app_passwords_alone()
    if app_password_only:
        fix = "Nothing needs to be done now. Before posts go by OAuth, ask them to connect: elonara reauthorize --tell"
        yield Finding("note", "members", f"{app_password_only} can post by app password alone", fix)
    lacking = reauthorization.lacking_write_scope()
    if lacking:
        names = ", ".join(f"@{one.handle} ({one.reason})" for one in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        urgent: Level = "wrong" if reauthorization.writes_by_oauth() else "note"
        says = f"{len(lacking)} hosts cannot post by OAuth: {names}{more}"
        yield Finding(urgent, "members", says, "Ask them to renew their permission: elonara reauthorize --tell")
