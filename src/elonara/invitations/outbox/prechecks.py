"""The checks before every write: is the invitation still wanted, allowed, up to date, and within the caps?"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.utils import timezone

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent import caps, eligibility, pauses, recheck, spam_labels
from elonara.invitations.models import ON_ITS_WAY, Announcement, Correction, HostSending, Invitation, State, Voice
from elonara.invitations.outbox import recompose, timing
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.planning import compose
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.states import PENDING, Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable, apply
from elonara.members.models import Member

log = logging.getLogger(__name__)

# Reasons of GraphUnavailable that only the host or her server can end.
_WAITS_FOR_THE_ACCOUNT = frozenset({"not_connected", "account_deactivated", "account_takendown"})
_WAITS_FOR_THE_OPERATOR = frozenset({"address_changed", KEYS_MISSING})
_PAUSED = CompiledQuery(
    lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False).values_list("pause_reason", flat=True)
)

# When the first of an announcement's replies is due, and those that are.
_FIRST_BELOW = CompiledQuery(
    lambda announcement: (
        Invitation.objects.filter(announcement=announcement, state__in=PENDING, needs_confirmation=False)
        .order_by("next_attempt_at")
        .values_list("next_attempt_at", flat=True)[:1]
    )
)
_DUE_BELOW = CompiledQuery(
    lambda announcement, now: Invitation.objects.filter(
        announcement=announcement,
        state=State.QUEUED,
        needs_confirmation=False,
        ambiguous=False,
        next_attempt_at__lte=now,
    ).order_by(*recheck.IN_ORDER)[: eligibility.PROFILE_BATCH]
)


@dataclass(frozen=True)
class Verdict:
    """Why a row is not posted now: the transition that ends or holds it, or None where it is postponed to `at`."""

    transition: Transition | None
    reason: str
    at: dt.datetime | None = None


def check(context: DeliveryContext, row: Deliverable) -> Verdict | None:
    """None: the row may be posted. May ask the network, so never inside a transaction.

    The order matters: what ends a row comes before what delays it, local checks come before those that ask the network,
    and the cap comes last, because claiming a place on a day is the only check that writes.
    """
    target = target_of(row)
    for check_one in _CHECKS:
        if (verdict := check_one(context, row, target)) is not None:
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


def _still_open(_context: DeliveryContext, row: Deliverable, target: Target) -> Verdict | None:
    return check_target(row, target)


def _paused(_context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    pause_reasons = _PAUSED.all(host=row.host_id)
    return Verdict(None, pause_reasons[0], timezone.now() + spam_labels.RETRY_INTERVAL) if pause_reasons else None


def _thread(_context: DeliveryContext, row: Deliverable, target: Target) -> Verdict | None:
    if isinstance(row, Correction):
        return _correction(row, target)
    return _announcement(row, target) if isinstance(row, Announcement) else _reply(row)


def _correction(row: Correction, target: Target) -> Verdict | None:
    """The host has seen what it replies to. If that is gone, it ends, and the new post is offered to her."""
    if target.is_private:
        return Verdict(Transition.CANCEL, "made_private")
    gone = row.announcement is not None and row.announcement.state != State.SENT
    return Verdict(Transition.CANCEL, "changed") if gone else None


def _announcement(row: Announcement, target: Target) -> Verdict | None:
    if target.is_private:
        recompose.detach_replies(row)
        return Verdict(Transition.CANCEL, "made_private")
    first = _FIRST_BELOW.first(announcement=row.pk)
    if first is not None:
        return Verdict(None, "day_cap", first) if first > timezone.now() else None
    if row.invitations.filter(state__in=PENDING).exists():
        # Its replies wait for the host's confirmation, so it waits with them.
        return Verdict(None, "changed", timezone.now() + timing.WAITING_POLL_INTERVAL)
    return Verdict(Transition.CANCEL, "nobody")


def _reply(row: Invitation) -> Verdict | None:
    """A reply waits for its announcement. If that failed, the host is asked; if it was undone, the reply goes alone."""
    if row.announcement is None or row.announcement.state == State.SENT:
        return None
    if row.announcement.state in ON_ITS_WAY:
        # The reply was selected all the same: it is ambiguous, or the announcement was queued again meanwhile.
        return Verdict(None, "announcement_waits", timezone.now() + timing.ANNOUNCEMENT_RETRY_INTERVAL)
    if row.announcement.state == State.FAILED and not row.ambiguous:
        return Verdict(Transition.GIVE_UP, "announcement_failed")
    if row.announcement.reason == recompose.ANNOUNCEMENT_GONE and not row.batch.alone_if_gone:
        # It was found gone while this row waited for something else.
        recompose.reply_alone(row)
        return Verdict(None, recompose.ANNOUNCEMENT_GONE, timezone.now())
    Invitation.objects.filter(pk=row.pk).update(announcement=None)
    row.announcement = None
    return None


def _standing(context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    """Whether the announcement that the row replies to is still on Bluesky: looked at once a turn.

    Below one that was deleted a reply is seen by nobody. While the server does not say, posts go on: it has not said
    that the announcement is gone, and the write will tell whether it answers at all.
    """
    if isinstance(row, Announcement) or row.announcement is None:
        return None
    root = row.announcement
    seen = context.cache.announcements
    if root.pk not in seen:
        seen[root.pk] = not context.agent_of(row).post_is_gone(row.host_id, root.author_did, root.rkey)
    if seen[root.pk]:
        return None
    if not recompose.announcement_gone(root):
        return Verdict(None, row.reason, timezone.now())  # the host takes it back at this moment: look again
    if isinstance(row, Correction):
        return Verdict(Transition.CANCEL, "changed")  # what the host saw is gone: a new post is offered to her
    if row.batch.alone_if_gone:
        row.announcement = None  # she chose beforehand that it goes alone
        Invitation.objects.filter(pk=row.pk).update(announcement=None)
        return None
    if row.state == State.SENDING:
        recompose.reply_alone(row)
    return Verdict(None, recompose.ANNOUNCEMENT_GONE, timezone.now())


def _spam_label(_context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    code = spam_labels.stop_if_labelled(row)
    if code == pauses.SPAM_REASON:
        return Verdict(None, code, timezone.now() + spam_labels.RETRY_INTERVAL)
    return Verdict(Transition.HOLD, code) if code else None


def _author(context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    """Whether its author still posts for the host. A row that was never attempted moves to the account that does."""
    if row.attempts > (1 if row.state == State.SENDING else 0) or row.ambiguous:
        return None
    ready = context.cache.readiness(row.host)
    if not ready.can_post or not ready.may_send:
        return Verdict(Transition.HOLD, ready.reason)
    if ready.author_did != row.author_did and isinstance(row, Correction):
        return Verdict(Transition.CANCEL, "author_changed")
    if ready.author_did != row.author_did:
        recompose.readdress(row, ready)
        # An announcement with ambiguous replies keeps its author; without a delay it would be polled in a loop.
        later = timing.AUTHOR_RETRY_INTERVAL if isinstance(row, Announcement) else dt.timedelta()
        return Verdict(None, "author_changed", timezone.now() + later)
    return None


def _text(_context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    """Whether the stored text is still true of the target; if not, it is recomposed for the host to confirm."""
    identity = getattr(row.host, "bluesky", None)  # loaded with the row
    composed = compose.of_row(row, identity.bsky_handle if identity is not None else row.host.username)
    if composed.record == row.record:
        return None
    if isinstance(row, Correction):
        return Verdict(Transition.CANCEL, "changed")  # not what the host saw: the new one is offered to her
    recompose.recompose(row, composed)
    if isinstance(row, Announcement):
        return None  # the host confirms invitations, not announcements: it goes with the new text
    return Verdict(None, "changed", timezone.now())


def _consent(context: DeliveryContext, row: Deliverable, target: Target) -> Verdict | None:
    """Whether somebody may still be invited by it."""
    try:
        match row:
            case Announcement():
                return _somebody_left(context, row, target)
            case Invitation():
                return _invitee(context, row, target)
            case Correction():
                return None  # it mentions nobody
    except GraphUnavailable as fault:
        if fault.reason in _WAITS_FOR_THE_ACCOUNT:
            return Verdict(Transition.HOLD, fault.reason)
        reason = fault.reason if fault.reason in _WAITS_FOR_THE_OPERATOR else "graph_unavailable"
        return Verdict(None, reason, timezone.now() + timing.GRAPH_RETRY_INTERVAL)


def _invitee(context: DeliveryContext, row: Invitation, target: Target) -> Verdict | None:
    """Whether the invitee still may be invited. If her handle has changed, the text is updated."""
    checked = context.cache.people.check(row)
    code = eligibility.refusal_before_write(row, target, checked.person, checked.since)
    if code == "view_unknown":
        return _nobody_can_be_asked(row)
    if code:
        return Verdict(Transition.SUPPRESS, code)
    new_handle = checked.person is not None and checked.person.handle != row.invitee_handle
    if checked.person is not None and new_handle and not recompose.renamed(row, checked.person.handle):
        return Verdict(None, "changed", timezone.now())
    return None


def _nobody_can_be_asked(row: Invitation) -> Verdict:
    """It is not known what the host and the invitee are to each other, as her session has ended: she is asked."""
    if not MemberIdentity.objects.filter(member=row.host_id, state_reason="moved").exists():
        return Verdict(Transition.HOLD, "view_unknown")
    # Where posts go by an app password, that one is of the old server as well.
    ready = posting_readiness.readiness(row.host)
    return Verdict(Transition.HOLD, "moved" if ready.can_post else ready.reason)


def _somebody_left(context: DeliveryContext, row: Announcement, target: Target) -> Verdict | None:
    """Whether anybody would be invited below it. It is the first post of a send, so they are asked about now."""
    due = _DUE_BELOW.all(announcement=row.pk, now=timezone.now())
    for reply in due:
        reply.host, reply.announcement = row.host, row  # loaded already
        checked = context.cache.people.check(reply)
        code = eligibility.refusal_before_write(reply, target, checked.person, checked.since)
        if code == "view_unknown":
            return _nobody_can_be_asked(reply)
        if not code:
            return None
        apply(reply, Transition.SUPPRESS, reason=code, counted_on=None)
    # Nobody of these is left: the announcement is looked at anew, and waits for later ones or ends without any.
    return Verdict(None, row.reason, timezone.now()) if due else None


def _cap(_context: DeliveryContext, row: Deliverable, _target: Target) -> Verdict | None:
    at = caps.claim(row)
    return Verdict(None, "relay_cap" if row.voice == Voice.RELAY else "day_cap", at) if at else None


_CHECKS = (_still_open, _paused, _thread, _spam_label, _author, _text, _standing, _consent, _cap)
