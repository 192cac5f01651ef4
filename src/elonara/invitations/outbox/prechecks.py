"""What is asked before every attempt: is it still wanted, allowed, true, and within the caps?"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field

from django.utils import timezone

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import AccountLane
from elonara.bluesky.writing.agent import BlueskyAgent
from elonara.compiled_queries import CompiledQuery
from elonara.invitations import notifications
from elonara.invitations.consent import caps, eligibility
from elonara.invitations.models import Announcement, HostSending, Invitation, State, Voice
from elonara.invitations.outbox import recompose
from elonara.invitations.planning import compose
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.results import PostingReadiness
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member

log = logging.getLogger(__name__)

WAITING_POLL_INTERVAL = dt.timedelta(hours=1)  # a waiting row is looked at this often, should its wake-up be lost
GRAPH_RETRY_INTERVAL = dt.timedelta(minutes=5)
AUTHOR_RETRY_INTERVAL = dt.timedelta(minutes=1)
LABEL_RETRY_INTERVAL = dt.timedelta(hours=1)
LABEL_MAX_AGE = dt.timedelta(minutes=10)
SPAM_REASON = "spam_label"
PAUSE_REASONS = (SPAM_REASON, "opt_outs", "operator")  # why a host's sending is stopped (HostSending.pause_reason)
SPAM_LABELS = frozenset({"spam", "!hide", "!takedown"})


_PAUSED = CompiledQuery(
    lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False).values_list("pause_reason", flat=True)
)


@dataclass(frozen=True)
class Verdict:
    """Why a row does not go now: an event of the table, or (None) only later."""

    event: Transition | None
    reason: str
    at: dt.datetime | None = None


@dataclass
class PrecheckCache:
    """What a worker need not ask twice during one turn in a lane (seconds)."""

    ready: dict[int, PostingReadiness] = field(default_factory=dict)
    people: dict[tuple[int, str], Person] = field(default_factory=dict)
    have_sent: set[int] = field(default_factory=set)  # hosts whose first post has been noted

    def readiness(self, host: Member) -> PostingReadiness:
        """The host's readiness, asked once a turn."""
        if host.pk not in self.ready:
            self.ready[host.pk] = posting_readiness.readiness(host)
        return self.ready[host.pk]


def check(memory: PrecheckCache, agent: BlueskyAgent, row: Deliverable) -> Verdict | None:  # noqa: ARG001, PLR0911
    """None: it may go. May ask the network; never inside a transaction."""
    target = target_of(row)
    if (verdict := check_target(row, target)) is not None:
        return verdict
    if held := _PAUSED.all(host=row.host_id):
        return Verdict(None, held[0], timezone.now() + LABEL_RETRY_INTERVAL)
    if isinstance(row, Announcement):
        if (verdict := _replies(row, target)) is not None:
            return verdict
    elif (verdict := _thread(row)) is not None:
        return verdict
    if _labelled(row):
        return Verdict(None, "spam_label", timezone.now() + LABEL_RETRY_INTERVAL)
    if (verdict := _author(memory, row)) is not None:
        return verdict
    if (verdict := _true(row)) is not None:
        return verdict
    if isinstance(row, Invitation) and (verdict := _consent(memory, row, target)) is not None:
        return verdict
    at = caps.claim(row)
    return Verdict(None, "relay_cap" if row.voice == Voice.RELAY else "day_cap", at) if at else None


def check_target(row: Deliverable, target: Target) -> Verdict | None:
    """Whether the target still takes people, and the host still may invite."""
    if code := target.over():
        return Verdict(Transition.CANCEL, code)
    if row.host.standing == Member.Standing.SUSPENDED or not row.host.is_active:
        return Verdict(Transition.CANCEL, "suspended")
    if not target.may_invite(row.host):
        return Verdict(Transition.CANCEL, "not_host")
    return None


def _replies(row: Announcement, target: Target) -> Verdict | None:
    if target.is_private:
        recompose.detach_replies(row)
        return Verdict(Transition.CANCEL, "made_private")
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
        return Verdict(None, "changed", timezone.now() + WAITING_POLL_INTERVAL)
    return Verdict(Transition.CANCEL, "nobody")


def _thread(row: Invitation) -> Verdict | None:
    """A reply waits for its announcement. Where that was refused the host is asked; taken back, it goes by itself."""
    if row.announcement is None or row.announcement.state == State.SENT:
        return None
    if row.announcement.state in {State.QUEUED, State.WAITING, State.SENDING}:
        # One in doubt, or the announcement was queued again since the row was found.
        return Verdict(None, "announcement_waits", timezone.now() + dt.timedelta(minutes=1))
    if row.announcement.state == State.FAILED and not row.ambiguous:
        return Verdict(Transition.GIVE_UP, "announcement_failed")
    Invitation.objects.filter(pk=row.pk).update(announcement=None)
    row.announcement = None
    return None


def _author(memory: PrecheckCache, row: Deliverable) -> Verdict | None:
    """A row that was never attempted follows the host's way of posting; one that was keeps its author."""
    if row.attempts > (1 if row.state == State.SENDING else 0) or row.ambiguous:
        return None
    ready = memory.readiness(row.host)
    if not ready.can_post or not ready.may_send:
        return Verdict(Transition.HOLD, ready.reason)
    if ready.author_did != row.author_did:
        recompose.readdress(row, ready)
        # An announcement whose replies are in doubt stays where it is: at once, this would turn without an end.
        later = AUTHOR_RETRY_INTERVAL if isinstance(row, Announcement) else dt.timedelta()
        return Verdict(None, "author_changed", timezone.now() + later)
    return None


def _true(row: Deliverable) -> Verdict | None:
    """Whether the frozen text still is what the target's row says."""
    identity = getattr(row.host, "bluesky", None)  # came with the row
    composed = compose.of_row(row, identity.bsky_handle if identity is not None else row.host.username)
    if composed.record == row.record:
        return None
    recompose.recompose(row, composed)
    if isinstance(row, Announcement):
        return None  # nobody has seen it yet; it goes as it is true
    return Verdict(None, "changed", timezone.now())


def _consent(memory: PrecheckCache, row: Invitation, target: Target) -> Verdict | None:
    try:
        person = _person(memory, row)
    except GraphUnavailable as fault:
        if fault.reason == "not_connected":
            return Verdict(Transition.HOLD, "not_connected")
        return Verdict(None, "graph_unavailable", timezone.now() + GRAPH_RETRY_INTERVAL)
    code = eligibility.refusal_before_write(row, target, person)
    if code == "view_unknown":
        return Verdict(Transition.HOLD, code)
    if code:
        return Verdict(Transition.SUPPRESS, code)
    if person is not None and person.handle != row.invitee_handle:
        # The same person under a new name: the mention's DID stays, its text follows.
        recompose.renamed(row, person.handle)
    return None


def _person(memory: PrecheckCache, row: Invitation) -> Person | None:
    """The invitee as the host sees them now; asked for the next few rows at once."""
    key = (row.host_id, row.invitee_did)
    if key not in memory.people:
        due = Invitation.objects.filter(author_did=row.author_did, host_id=row.host_id, state=State.QUEUED)
        due = due.filter(next_attempt_at__lte=timezone.now(), needs_confirmation=False).order_by(
            "next_attempt_at", "rkey"
        )
        dids = [
            row.invitee_did,
            *due.exclude(pk=row.pk).values_list("invitee_did", flat=True)[: eligibility.PROFILE_BATCH - 1],
        ]
        answer = graph_service.current().confirm(row.host_id, dids, max_age=eligibility.VIEW_MAX_AGE_SECONDS)
        for did in dids:
            if did in answer:
                memory.people[row.host_id, did] = answer[did]
    return memory.people.get(key)


_label_looks: dict[str, dt.datetime] = {}
_label_lock = threading.Lock()


def _labelled(row: Deliverable) -> bool:
    """At the first sign of a spam label on the author's account its sending pauses."""
    now = timezone.now()
    with _label_lock:
        looked = _label_looks.get(row.author_did)
        if looked is not None and now - looked < LABEL_MAX_AGE and looked <= now:
            return False
    try:
        labels = set(graph_service.current().labels(row.author_did))
    except GraphUnavailable as fault:
        log.info("the labels of %s could not be read: %s", row.author_did, fault.reason)
        return False
    if not labels & SPAM_LABELS:
        with _label_lock:
            _label_looks[row.author_did] = now
        if row.voice == Voice.RELAY:
            notifications.relay_clean()
        return False
    if row.voice == Voice.RELAY:
        # Posts alone: what is being taken back goes on.
        AccountLane.objects.filter(author_did=row.author_did).update(
            next_at=now + LABEL_RETRY_INTERVAL, pause_reason=SPAM_REASON
        )
        notifications.relay_stopped(SPAM_REASON)
    else:
        pause_host(row.host, "spam_label")
        notifications.needs_host(row.host, "spam_label")
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
