"""The checks before every write: is the invitation still wanted, allowed, up to date, and within the caps?"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.utils import timezone

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent import caps, eligibility, pauses, spam_labels
from elonara.invitations.models import Announcement, HostSending, Invitation, State, Voice
from elonara.invitations.outbox import recompose, timing
from elonara.invitations.outbox.context import PrecheckCache
from elonara.invitations.planning import compose
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member

log = logging.getLogger(__name__)

# Reasons of GraphUnavailable that only the host or her server can end.
_WAITS_FOR_THE_ACCOUNT = frozenset({"not_connected", "account_deactivated", "account_takendown"})
_PAUSED = CompiledQuery(
    lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False).values_list("pause_reason", flat=True)
)


@dataclass(frozen=True)
class Verdict:
    """Why a row is not posted now: the transition that ends or holds it, or None where it is postponed to `at`."""

    transition: Transition | None
    reason: str
    at: dt.datetime | None = None


def check(cache: PrecheckCache, row: Deliverable) -> Verdict | None:
    """None: the row may be posted. May ask the network, so never inside a transaction.

    The order matters: what ends a row comes before what delays it, local checks come before those that ask the network,
    and the cap comes last, because claiming a place on a day is the only check that writes.
    """
    target = target_of(row)
    for check_one in _CHECKS:
        if (verdict := check_one(cache, row, target)) is not None:
            return verdict
    return None


def check_target(row: Deliverable, target: Target) -> Verdict | None:
    """Whether the target is still to come, and the host still may invite to it."""
    if code := target.over():
        return Verdict(Transition.CANCEL, code)
    if row.host.standing == Member.Standing.SUSPENDED or not row.host.is_active:
        return Verdict(Transition.CANCEL, "suspended")
    if not target.may_invite(row.host):
        return Verdict(Transition.CANCEL, "not_host")
    return None


def _still_open(_cache: PrecheckCache, row: Deliverable, target: Target) -> Verdict | None:
    return check_target(row, target)


def _paused(_cache: PrecheckCache, row: Deliverable, _target: Target) -> Verdict | None:
    pause_reasons = _PAUSED.all(host=row.host_id)
    return Verdict(None, pause_reasons[0], timezone.now() + spam_labels.RETRY_INTERVAL) if pause_reasons else None


def _thread(_cache: PrecheckCache, row: Deliverable, target: Target) -> Verdict | None:
    return _announcement(row, target) if isinstance(row, Announcement) else _reply(row)


def _announcement(row: Announcement, target: Target) -> Verdict | None:
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
        # Its replies wait for the host's confirmation, so it waits with them.
        return Verdict(None, "changed", timezone.now() + timing.WAITING_POLL_INTERVAL)
    return Verdict(Transition.CANCEL, "nobody")


def _reply(row: Invitation) -> Verdict | None:
    """A reply waits for its announcement. If that failed, the host is asked; if it was undone, the reply goes alone."""
    if row.announcement is None or row.announcement.state == State.SENT:
        return None
    if row.announcement.state in {State.QUEUED, State.WAITING, State.SENDING}:
        # The reply was selected all the same: it is ambiguous, or the announcement was queued again meanwhile.
        return Verdict(None, "announcement_waits", timezone.now() + timing.ANNOUNCEMENT_RETRY_INTERVAL)
    if row.announcement.state == State.FAILED and not row.ambiguous:
        return Verdict(Transition.GIVE_UP, "announcement_failed")
    Invitation.objects.filter(pk=row.pk).update(announcement=None)
    row.announcement = None
    return None


def _spam_label(_cache: PrecheckCache, row: Deliverable, _target: Target) -> Verdict | None:
    code = spam_labels.stop_if_labelled(row)
    if code == pauses.SPAM_REASON:
        return Verdict(None, code, timezone.now() + spam_labels.RETRY_INTERVAL)
    return Verdict(Transition.HOLD, code) if code else None


def _author(cache: PrecheckCache, row: Deliverable, _target: Target) -> Verdict | None:
    """Whether its author still posts for the host. A row that was never attempted moves to the account that does."""
    if row.attempts > (1 if row.state == State.SENDING else 0) or row.ambiguous:
        return None
    ready = cache.readiness(row.host)
    if not ready.can_post or not ready.may_send:
        return Verdict(Transition.HOLD, ready.reason)
    if ready.author_did != row.author_did:
        recompose.readdress(row, ready)
        # An announcement with ambiguous replies keeps its author; without a delay it would be polled in a loop.
        later = timing.AUTHOR_RETRY_INTERVAL if isinstance(row, Announcement) else dt.timedelta()
        return Verdict(None, "author_changed", timezone.now() + later)
    return None


def _text(_cache: PrecheckCache, row: Deliverable, _target: Target) -> Verdict | None:
    """Whether the stored text is still true of the target; if not, it is recomposed for the host to confirm."""
    identity = getattr(row.host, "bluesky", None)  # loaded with the row
    composed = compose.of_row(row, identity.bsky_handle if identity is not None else row.host.username)
    if composed.record == row.record:
        return None
    recompose.recompose(row, composed)
    if isinstance(row, Announcement):
        return None  # the host confirms invitations, not announcements: it goes with the new text
    return Verdict(None, "changed", timezone.now())


def _consent(cache: PrecheckCache, row: Deliverable, target: Target) -> Verdict | None:
    """Whether the invitee still may be invited. If her handle has changed, the text is updated."""
    if isinstance(row, Announcement):
        return None
    try:
        person = _person(cache, row)
    except GraphUnavailable as fault:
        if fault.reason in _WAITS_FOR_THE_ACCOUNT:
            return Verdict(Transition.HOLD, fault.reason)
        return Verdict(None, "graph_unavailable", timezone.now() + timing.GRAPH_RETRY_INTERVAL)
    code = eligibility.refusal_before_write(row, target, person)
    if code == "view_unknown":
        moved = MemberIdentity.objects.filter(member=row.host_id, state_reason="moved").exists()
        return Verdict(Transition.HOLD, "moved" if moved else code)
    if code:
        return Verdict(Transition.SUPPRESS, code)
    if person is not None and person.handle != row.invitee_handle:
        recompose.renamed(row, person.handle)
    return None


def _person(cache: PrecheckCache, row: Invitation) -> Person | None:
    """The invitee as the host sees her now. One request looks up the invitees of the next due rows too."""
    key = (row.host_id, row.invitee_did)
    if key not in cache.people:
        due = Invitation.objects.filter(author_did=row.author_did, host_id=row.host_id, state=State.QUEUED)
        due = due.filter(next_attempt_at__lte=timezone.now(), needs_confirmation=False).order_by(
            "next_attempt_at", "rkey"
        )
        dids = [
            row.invitee_did,
            *due.exclude(pk=row.pk).values_list("invitee_did", flat=True)[: eligibility.PROFILE_BATCH - 1],
        ]
        found = graph_service.current().confirm(row.host_id, dids, max_age=eligibility.VIEW_MAX_AGE_SECONDS)
        for did in dids:
            if did in found:
                cache.people[row.host_id, did] = found[did]
    return cache.people.get(key)


def _cap(_cache: PrecheckCache, row: Deliverable, _target: Target) -> Verdict | None:
    at = caps.claim(row)
    return Verdict(None, "relay_cap" if row.voice == Voice.RELAY else "day_cap", at) if at else None


_CHECKS = (_still_open, _paused, _thread, _spam_label, _author, _text, _consent, _cap)
