"""What is asked before every attempt: is it still wanted, allowed, true, and within the caps?"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field

from django.utils import timezone

from elonara.bluesky import graph
from elonara.bluesky.agent import BlueskyAgent
from elonara.bluesky.graph import GraphUnavailable
from elonara.bluesky.models import AccountLane
from elonara.bluesky.people import Person
from elonara.invitations import caps, compose, consent, readying, rebuilding, telling
from elonara.invitations.models import Announcement, HostSending, Invitation, State, Voice
from elonara.invitations.moves import Row
from elonara.invitations.results import Ready
from elonara.invitations.states import Event
from elonara.invitations.targets import Target, target_of
from elonara.members.models import Member
from elonara.prepared import Prepared

log = logging.getLogger(__name__)

HOLD_LOOK = dt.timedelta(hours=1)  # a waiting row is looked at this often, should its wake-up be lost
GRAPH_RETRY = dt.timedelta(minutes=5)
AUTHOR_RETRY = dt.timedelta(minutes=1)
LABEL_RETRY = dt.timedelta(hours=1)
LABEL_AGE = dt.timedelta(minutes=10)
SPAM_REASON = "spam_label"
PAUSES = (SPAM_REASON, "opt_outs", "operator")  # why a host's sending is stopped (HostSending.pause_reason)
SPAM = frozenset({"spam", "!hide", "!takedown"})


_PAUSED = Prepared(
    lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False).values_list("pause_reason", flat=True)
)


@dataclass(frozen=True)
class Verdict:
    """Why a row does not go now: an event of the table, or (None) only later."""

    event: Event | None
    reason: str
    at: dt.datetime | None = None


@dataclass
class Memory:
    """What a worker need not ask twice during one turn in a lane (seconds)."""

    ready: dict[int, Ready] = field(default_factory=dict)
    people: dict[tuple[int, str], Person] = field(default_factory=dict)
    have_sent: set[int] = field(default_factory=set)  # hosts whose first post has been noted

    def readiness(self, host: Member) -> Ready:
        """The host's readiness, asked once a turn."""
        if host.pk not in self.ready:
            self.ready[host.pk] = readying.readiness(host)
        return self.ready[host.pk]


def before(memory: Memory, agent: BlueskyAgent, row: Row) -> Verdict | None:  # noqa: ARG001, PLR0911
    """None: it may go. May ask the network; never inside a transaction."""
    target = target_of(row)
    if (verdict := wanted(row, target)) is not None:
        return verdict
    if held := _PAUSED.all(host=row.host_id):
        return Verdict(None, held[0], timezone.now() + LABEL_RETRY)
    if isinstance(row, Announcement):
        if (verdict := _replies(row, target)) is not None:
            return verdict
    elif (verdict := _thread(row)) is not None:
        return verdict
    if _labelled(row):
        return Verdict(None, "spam_label", timezone.now() + LABEL_RETRY)
    if (verdict := _author(memory, row)) is not None:
        return verdict
    if (verdict := _true(row)) is not None:
        return verdict
    if isinstance(row, Invitation) and (verdict := _consent(memory, row, target)) is not None:
        return verdict
    at = caps.claim(row)
    return Verdict(None, "relay_cap" if row.voice == Voice.RELAY else "day_cap", at) if at else None


def wanted(row: Row, target: Target) -> Verdict | None:
    """Whether the target still takes people, and the host still may invite."""
    if code := target.over():
        return Verdict(Event.CANCEL, code)
    if row.host.standing == Member.Standing.SUSPENDED or not row.host.is_active:
        return Verdict(Event.CANCEL, "suspended")
    if not target.may_invite(row.host):
        return Verdict(Event.CANCEL, "not_host")
    return None


def _replies(row: Announcement, target: Target) -> Verdict | None:
    if target.is_private:
        rebuilding.detach(row)
        return Verdict(Event.CANCEL, "made_private")
    first = (
        row.invitations.filter(state__in=(State.QUEUED, State.WAITING), needs_confirmation=False)
        .order_by("next_attempt_at")
        .values_list("next_attempt_at", flat=True)
        .first()
    )
    if first is not None:
        return Verdict(None, "day_cap", first) if first > timezone.now() else None
    if row.invitations.filter(state__in=(State.QUEUED, State.WAITING)).exists():
        # Its replies wait for the host's second look; so does it.
        return Verdict(None, "changed", timezone.now() + HOLD_LOOK)
    return Verdict(Event.CANCEL, "nobody")


def _thread(row: Invitation) -> Verdict | None:
    """A reply waits for its announcement. Where that was refused the host is asked; taken back, it goes by itself."""
    if row.announcement is None or row.announcement.state == State.SENT:
        return None
    if row.announcement.state in {State.QUEUED, State.WAITING, State.SENDING}:
        # One in doubt, or the announcement was queued again since the row was found.
        return Verdict(None, "announcement_waits", timezone.now() + dt.timedelta(minutes=1))
    if row.announcement.state == State.FAILED and not row.ambiguous:
        return Verdict(Event.GIVE_UP, "announcement_failed")
    Invitation.objects.filter(pk=row.pk).update(announcement=None)
    row.announcement = None
    return None


def _author(memory: Memory, row: Row) -> Verdict | None:
    """A row that was never attempted follows the host's way of posting; one that was keeps its author."""
    if row.attempts > (1 if row.state == State.SENDING else 0) or row.ambiguous:
        return None
    ready = memory.readiness(row.host)
    if not ready.can_post or not ready.may_send:
        return Verdict(Event.HOLD, ready.reason)
    if ready.author_did != row.author_did:
        rebuilding.readdress(row, ready)
        # An announcement whose replies are in doubt stays where it is: at once, this would turn without an end.
        later = AUTHOR_RETRY if isinstance(row, Announcement) else dt.timedelta()
        return Verdict(None, "author_changed", timezone.now() + later)
    return None


def _true(row: Row) -> Verdict | None:
    """Whether the frozen text still is what the target's row says."""
    identity = getattr(row.host, "bluesky", None)  # came with the row
    composed = compose.of_row(row, identity.bsky_handle if identity is not None else row.host.username)
    if composed.record == row.record:
        return None
    rebuilding.rebuild(row, composed)
    if isinstance(row, Announcement):
        return None  # nobody has seen it yet; it goes as it is true
    return Verdict(None, "changed", timezone.now())


def _consent(memory: Memory, row: Invitation, target: Target) -> Verdict | None:
    try:
        person = _person(memory, row)
    except GraphUnavailable as fault:
        if fault.reason == "not_connected":
            return Verdict(Event.HOLD, "not_connected")
        return Verdict(None, "graph_unavailable", timezone.now() + GRAPH_RETRY)
    code = consent.shortly_before(row, target, person)
    if code == "view_unknown":
        return Verdict(Event.HOLD, code)
    if code:
        return Verdict(Event.SUPPRESS, code)
    if person is not None and person.handle != row.invitee_handle:
        # The same person under a new name: the mention's DID stays, its text follows.
        rebuilding.renamed(row, person.handle)
    return None


def _person(memory: Memory, row: Invitation) -> Person | None:
    """The invitee as the host sees them now; asked for the next few rows at once."""
    key = (row.host_id, row.invitee_did)
    if key not in memory.people:
        due = Invitation.objects.filter(author_did=row.author_did, host_id=row.host_id, state=State.QUEUED)
        due = due.filter(next_attempt_at__lte=timezone.now(), needs_confirmation=False).order_by(
            "next_attempt_at", "rkey"
        )
        dids = [row.invitee_did, *due.exclude(pk=row.pk).values_list("invitee_did", flat=True)[: consent.BATCH - 1]]
        answer = graph.service().confirm(row.host_id, dids, max_age=consent.MAX_AGE)
        for did in dids:
            if did in answer:
                memory.people[row.host_id, did] = answer[did]
    return memory.people.get(key)


_label_looks: dict[str, dt.datetime] = {}
_label_lock = threading.Lock()


def _labelled(row: Row) -> bool:
    """At the first sign of a spam label on the author's account its sending pauses."""
    now = timezone.now()
    with _label_lock:
        looked = _label_looks.get(row.author_did)
        if looked is not None and now - looked < LABEL_AGE and looked <= now:
            return False
    try:
        labels = set(graph.service().labels(row.author_did))
    except GraphUnavailable as fault:
        log.info("the labels of %s could not be read: %s", row.author_did, fault.reason)
        return False
    if not labels & SPAM:
        with _label_lock:
            _label_looks[row.author_did] = now
        if row.voice == Voice.RELAY:
            telling.relay_clean()
        return False
    if row.voice == Voice.RELAY:
        # Posts alone: what is being taken back goes on.
        AccountLane.objects.filter(author_did=row.author_did).update(
            next_at=now + LABEL_RETRY, pause_reason=SPAM_REASON
        )
        telling.relay_stopped(SPAM_REASON)
    else:
        pause_host(row.host, "spam_label")
        telling.needs_host(row.host, "spam_label")
    return True


def pause_host(host: Member, reason: str) -> bool:
    """Stop a host's sending until somebody lets it go on; what is being taken back goes on. False: it was stopped."""
    HostSending.objects.get_or_create(host=host)
    running = HostSending.objects.filter(host=host, paused_at=None)
    if reason != SPAM_REASON:
        # A pause by label she may end herself, and must not end this one with it.
        running |= HostSending.objects.filter(host=host, pause_reason=SPAM_REASON)
    return running.update(paused_at=timezone.now(), pause_reason=reason) > 0


def forget_labels() -> None:
    """Look at every author's labels anew, as a process does that has just begun."""
    with _label_lock:
        _label_looks.clear()
