"""One attempt at one post: look whether it may and should still go, write it, and store what became of it."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from elonara.atproto import records
from elonara.bluesky.writing.agent import BlueskyAgent, BlueskyResult
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.compiled_queries import CompiledQuery
from elonara.invitations import notifications
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.invitations.outbox import prechecks, thumbnails
from elonara.invitations.planning import compose
from elonara.invitations.states import Transition
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import (
    AMBIGUOUS_RETRY_SECONDS,
    MAX_ATTEMPTS,
    Deliverable,
    apply,
    claim,
    retry_delay,
)
from elonara.locks import Lease

log = logging.getLogger(__name__)

ABSENCE_IS_PROOF_AFTER = dt.timedelta(
    minutes=10
)  # so long after the first uncertain attempt an absent post was never there
REQUEST_DEADLINE = dt.timedelta(seconds=20)  # of one request (elonara.atproto.http)
# So long after a write began nothing of it lands any more: five minutes for a server that goes on without us.
LATE_WRITE_WINDOW = REQUEST_DEADLINE + dt.timedelta(minutes=5)
UNREADABLE_GIVE_UP_AFTER = dt.timedelta(days=1)  # so long we go on asking whether it is there
MAX_READ_ATTEMPTS = 28  # what a day of them comes to: four in the first hour, then each hour
READ_RETRY_INTERVAL = dt.timedelta(minutes=1)
CLOCK_TOLERANCE = dt.timedelta(minutes=1)  # an attempt that is further ahead was dated before the clock was set back
DEFAULT_PAUSE = dt.timedelta(minutes=5)  # for a 429 that does not say how long
MIN_LEASE_SECONDS = (
    45.0  # seconds of the lease that a create must have left: it must end before another worker can begin
)
# The agent's words for what only time or the host's own doing ends, besides `needs_reauth`.
HOLD_REASONS = frozenset({"account_deactivated", "other_author", "relay_not_approved", "relay_unavailable"})
OPERATOR_REASONS = frozenset({"relay_unavailable"})  # the operator's to mend: hosts are not asked for anything
# Where another try cannot change anything.
FINAL_REASONS = frozenset({"account_takendown", "account_gone"})


def _held(model: type[Deliverable]) -> CompiledQuery[Any]:
    return CompiledQuery(
        lambda pk, fence: model._default_manager.filter(pk=pk, state=State.SENDING, fence=fence).values_list("pk")
    )


_HELD = {model: _held(model) for model in (Announcement, Invitation)}


@dataclass
class DeliveryContext:
    """What a worker has before it while it holds a lane."""

    author_did: str
    lease: Lease
    agent: BlueskyAgent = field(default_factory=BlueskyAgentFactory.make)
    memory: prechecks.PrecheckCache = field(default_factory=prechecks.PrecheckCache)


def deliver(desk: DeliveryContext, row: Deliverable) -> bool:
    """Work on one queued row. True when a post was written (or tried), so that the next one keeps its distance."""
    if row.ambiguous:
        return _look_first(desk, row)
    if _stopped(desk, row):
        return False
    if not _take(desk, row):
        return False
    return _write(desk, row)


def _look_first(desk: DeliveryContext, row: Deliverable) -> bool:  # noqa: PLR0911
    """An earlier attempt may have landed: existence at the key, whatever its CID, means sent."""
    restored = row.first_attempt_at is None
    if not _take(desk, row):
        return False
    if restored:
        row.first_attempt_at = None  # no attempt that these rows know of: its time would begin the ten minutes
    found = desk.agent.find_post(row.host_id, row.author_did, row.rkey)
    if found.success:
        _acknowledge(desk, row, found)
        return False
    if not found.absent:
        _unread(desk, row, found)
        return False
    if restored:
        # Nothing was posted between the backup and the loss of the site. It goes like any other, as never tried.
        row.attempts = 1
        _again(desk, row, row.reason, "", row.next_attempt_at, ambiguous=False, count=False)
        return False
    since = timezone.now() - (row.first_attempt_at or timezone.now())
    if since < -CLOCK_TOLERANCE:
        # How long ago that was cannot be said now: nothing is posted again until the clock can tell.
        _again(desk, row, "asking", "", timezone.now() + READ_RETRY_INTERVAL, count=False)
        return False
    unconfirmed = isinstance(row, Invitation) and row.needs_confirmation
    if since <= ABSENCE_IS_PROOF_AFTER and (row.attempts > MAX_ATTEMPTS or unconfirmed):
        _look_later(desk, row, "")
        return False
    if since > ABSENCE_IS_PROOF_AFTER and (landing := _may_land_until(row)) > timezone.now():
        # The last write of those ten minutes may be on its way: "not there" is no answer yet.
        _again(desk, row, "asking", "", landing, count=False)
        return False
    if since > ABSENCE_IS_PROOF_AFTER:
        # She may have deleted it by hand: only she can say whether it should be posted again.
        _give_up(desk, row, "unsure", ask=True)
        return False
    if _stopped(desk, row):
        return False
    return _write(desk, row)


def _take(desk: DeliveryContext, row: Deliverable) -> bool:
    """Commit `sending`, with the lane's fence, before the network is asked."""
    now = timezone.now()
    values = {
        "attempts": row.attempts + 1,
        "first_attempt_at": row.first_attempt_at or now,
    }
    if not row.ambiguous:
        values["last_attempt_at"] = now  # one in doubt is read first: see `_create`
    return claim(row, desk.lease.fence, **values)


def _may_land_until(row: Deliverable) -> dt.datetime:
    # A write that is dated ahead was begun before the clock was set back.
    now = timezone.now()
    return min(row.last_attempt_at or now - LATE_WRITE_WINDOW, now) + LATE_WRITE_WINDOW


def _stopped(desk: DeliveryContext, row: Deliverable) -> bool:
    """Apply what the checks before an attempt say. True: this row does not go now."""
    verdict = prechecks.check(desk.memory, desk.agent, row)
    if verdict is None:
        return False
    later = verdict.at or timezone.now()
    match verdict.event:
        case Transition.CANCEL | Transition.SUPPRESS if row.ambiguous:
            # It must not go, and it may have gone: take it back, and look until nothing can land any more.
            take_back(row, verdict.reason)
        case Transition.CANCEL | Transition.SUPPRESS:
            end(row, verdict.event, verdict.reason)
        case Transition.GIVE_UP:
            apply(row, Transition.GIVE_UP, reason=verdict.reason, retryable=True)
        case Transition.HOLD:
            hold(row, verdict.reason, "", desk)
        case _ if row.state == State.SENDING:
            _again(desk, row, verdict.reason, "", later, count=False)
        case _:
            _postpone(row, verdict.reason, later)
    return True


def _postpone(row: Deliverable, reason: str, at: dt.datetime) -> None:
    type(row).objects.filter(pk=row.pk, state=State.QUEUED).update(reason=reason, next_attempt_at=at)


def take_back(row: Deliverable, reason: str) -> None:
    """Begin to undo what stands or may still land; the worker that has the lane says until when it looks."""
    apply(
        row, Transition.UNDO, reason=reason, next_attempt_at=timezone.now(), undo_settled_at=None, undo_confirmations=0
    )


def end(row: Deliverable, event: Transition, reason: str) -> None:
    """Cancel or suppress a row whose post certainly does not stand. Replies to an announcement end with it."""
    with transaction.atomic():
        if isinstance(row, Announcement):
            # Locked, as `queueing` locks it: its host may have invited somebody since it was found without replies.
            Announcement.objects.select_for_update().get(pk=row.pk)
            if reason == "nobody" and row.invitations.filter(state__in=(State.QUEUED, State.WAITING)).exists():
                return
        if apply(row, event, reason=reason, counted_on=None) and isinstance(row, Announcement):
            for reply in row.invitations.filter(state__in=(State.QUEUED, State.WAITING), ambiguous=False):
                apply(reply, event, reason=reason, counted_on=None)


def hold(row: Deliverable, reason: str, error: str, desk: DeliveryContext) -> None:
    """Let a row wait for its host, and tell her."""
    attempts = max(0, row.attempts - 1) if row.state == State.SENDING else row.attempts
    with transaction.atomic():
        ends = target_of(row).ends
        # A doubt is looked into soon, whether or not anybody can post.
        at = timezone.now() + (READ_RETRY_INTERVAL if row.ambiguous else prechecks.WAITING_POLL_INTERVAL)
        values: dict[str, Any] = {"reason": reason, "error": error, "next_attempt_at": min(at, ends) if ends else at}
        fence = desk.lease.fence if row.state == State.SENDING else None
        if not apply(row, Transition.HOLD, fence=fence, attempts=attempts, **values):
            return
        if isinstance(row, Announcement):
            for reply in row.invitations.filter(state=State.QUEUED, ambiguous=False):
                apply(reply, Transition.HOLD, **values)
    if reason not in OPERATOR_REASONS:
        notifications.needs_host(row.host, reason)


def _write(desk: DeliveryContext, row: Deliverable) -> bool:
    picture = thumbnails.for_row(desk.agent, row)
    result = _create(desk, row, picture.blob)
    if result is not None and result.reason == "blob_not_found" and picture.blob:
        # The PDS has dropped it: once more, else the post is better than its picture.
        result = _create(desk, row, thumbnails.for_row(desk.agent, row, anew=True).blob)
        if result is not None and result.reason == "blob_not_found":
            result = _create(desk, row, None)
    if result is None:
        return False
    _settle(desk, row, result)
    return True


def _create(desk: DeliveryContext, row: Deliverable, blob: dict[str, Any] | None) -> BlueskyResult | None:
    """Ask the PDS for the post, once. None: the row was cancelled or the lane was lost in the meantime."""
    if not _HELD[type(row)].exists(pk=row.pk, fence=desk.lease.fence):
        return None
    if row.ambiguous:
        row.last_attempt_at = timezone.now()
        type(row).objects.filter(pk=row.pk).update(last_attempt_at=row.last_attempt_at)
    if desk.lease.seconds_left < MIN_LEASE_SECONDS:
        extended = desk.lease.extend(2 * MIN_LEASE_SECONDS)
        if extended is None:
            return None
        desk.lease = extended
    reply = None
    root = row.announcement if isinstance(row, Invitation) else None
    if root is not None and root.state == State.SENT:
        reply = records.reply_ref(root.uri, root.cid, root.uri, root.cid)
    # The time of this attempt: a mention dated yesterday lands in yesterday's notifications.
    now = records.timestamp(timezone.now())
    record = compose.to_send(row.record, created_at=now, reply=reply, thumb=blob)
    return desk.agent.create_post_for_member(row.host_id, record, author_did=row.author_did, rkey=row.rkey)


def _settle(desk: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    """Store what became of a create."""
    error = (result.error_message or "")[:500]
    if result.success:
        _acknowledge(desk, row, result)
    elif result.ambiguous:
        at = timezone.now() + dt.timedelta(seconds=AMBIGUOUS_RETRY_SECONDS * min(row.attempts, 12))
        pause(desk, result)
        _again(desk, row, "asking", error, at, ambiguous=True)
    elif result.needs_reauth or result.reason in HOLD_REASONS:
        if not row.ambiguous:
            row.first_attempt_at = None
        hold(row, result.reason or "needs_reauth", error, desk)
    elif result.reason == "rate_limited":
        until = pause(desk, result)
        _again(desk, row, "rate_limited", error, until, count=False)
    elif result.retryable and row.attempts < MAX_ATTEMPTS:
        at = timezone.now() + retry_delay(row.attempts)
        if result.retry_after:
            at = max(at, timezone.now() + dt.timedelta(seconds=result.retry_after))
        _again(desk, row, result.reason or "trying_again", error, at)
    elif row.ambiguous:
        _look_later(desk, row, error)  # this attempt failed for certain, an earlier one may still land
    else:
        reason = "gave_up" if result.retryable else result.reason or "record_refused"
        _give_up(desk, row, reason, error=error)


def _look_later(desk: DeliveryContext, row: Deliverable, error: str) -> None:
    """Post no more, but look once nothing can land any more whether it is there."""
    at = (row.first_attempt_at or timezone.now()) + ABSENCE_IS_PROOF_AFTER + dt.timedelta(seconds=5)
    _again(desk, row, "asking", error, max(at, timezone.now() + dt.timedelta(seconds=5)), ambiguous=True)


def _unread(desk: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    """The key could not be read: the doubt stays, and is never ended by posting again."""
    pause(desk, result)
    began = row.first_attempt_at  # none for a restored row: the hourly looks of a day are counted instead
    if row.attempts > MAX_READ_ATTEMPTS if began is None else timezone.now() - began > UNREADABLE_GIVE_UP_AFTER:
        _give_up(desk, row, "unsure", error=(result.error_message or "")[:500], ask=True)
        return
    at = timezone.now() + min(retry_delay(row.attempts), dt.timedelta(hours=1))
    _again(desk, row, "asking", (result.error_message or "")[:500], at, ambiguous=True)


def _acknowledge(desk: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    now = timezone.now()
    values: dict[str, Any] = {
        "uri": result.uri, "cid": result.cid, "sent_at": now, "reason": "", "error": "", "ambiguous": False,
    }  # fmt: skip
    if isinstance(row, Invitation):
        values["needs_confirmation"] = False
    if not apply(row, Transition.ACKNOWLEDGE, fence=desk.lease.fence, **values):
        log.info("%s %s was sent, and is being taken back", type(row).__name__, row.pk)
        return
    if isinstance(row, Invitation) and row.host_id not in desk.memory.have_sent:
        HostSending.objects.get_or_create(host_id=row.host_id)
        HostSending.objects.filter(host_id=row.host_id, first_sent_at=None).update(first_sent_at=now)
        desk.memory.have_sent.add(row.host_id)


def _again(
    desk: DeliveryContext,
    row: Deliverable,
    reason: str,
    error: str,
    at: dt.datetime,
    *,
    ambiguous: bool | None = None,
    count: bool = True,
) -> None:
    doubt = row.ambiguous if ambiguous is None else ambiguous
    apply(
        row,
        Transition.PUT_BACK,
        fence=desk.lease.fence,
        reason=reason,
        error=error,
        next_attempt_at=at,
        ambiguous=doubt,
        attempts=row.attempts if count else max(0, row.attempts - 1),
        # The ten minutes run from the first attempt that is in doubt, not from one that certainly failed.
        first_attempt_at=row.first_attempt_at if doubt else None,
    )


def _give_up(desk: DeliveryContext, row: Deliverable, reason: str, *, error: str = "", ask: bool = False) -> None:
    values: dict[str, Any] = {"reason": reason, "error": error, "retryable": reason not in FINAL_REASONS}
    if isinstance(row, Invitation):
        values["needs_confirmation"] = ask
    with transaction.atomic():
        gone = apply(row, Transition.GIVE_UP, fence=desk.lease.fence, **values)
        if gone and isinstance(row, Announcement):
            for reply in row.invitations.filter(state=State.QUEUED, ambiguous=False):
                apply(reply, Transition.GIVE_UP, reason="announcement_failed", retryable=True)


def pause(desk: DeliveryContext, result: BlueskyResult) -> dt.datetime:
    """After a 429 the account rests until the server's own limit resets; other accounts go on."""
    now = timezone.now()
    if result.reason != "rate_limited":
        return now
    # In seconds where the server says so: `resets_at` is by its clock, which need not be ours.
    if result.retry_after:
        until = now + dt.timedelta(seconds=result.retry_after)
    elif result.resets_at is not None:
        until = result.resets_at if result.resets_at > now else now + READ_RETRY_INTERVAL
    else:
        until = now + DEFAULT_PAUSE
    until = min(max(until, now + dt.timedelta(seconds=1)), now + dt.timedelta(days=1))
    desk.lease.update(paused_until=until, pause_reason="rate_limited")
    return until
