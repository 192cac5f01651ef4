"""Storing what became of a post: sent, put back for later, held for its host, given up, ended or taken back.

Every function here is a conditional update: it does nothing when the row has left the state that the worker knew, or
when the worker has lost its lane (the fence no longer matches). Whoever was quicker is right.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from elonara import shared_clock
from elonara.atproto.text_limits import TextLimit, limit_in
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.bluesky.writing.repo_writer import TEXT_TOO_LONG
from elonara.compiled_queries import CompiledQuery
from elonara.invitations import notifications
from elonara.invitations.models import Announcement, Correction, HostSending, Invitation, State
from elonara.invitations.outbox import timing
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.planning import compose
from elonara.invitations.planning.compose import Composed
from elonara.invitations.planning.readiness import host_handle
from elonara.invitations.states import PENDING, Transition
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import MODELS, Deliverable, apply, claim, counted

log = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 500
SHORTENED = "text_shortened"
OPERATOR_REASONS = frozenset({"relay_unavailable"})  # the operator's to mend: hosts are not asked for anything
FINAL_REASONS = frozenset({"account_gone"})  # another attempt cannot change these
_HAS_SENT = CompiledQuery(
    lambda host: HostSending.objects.filter(host=host, first_sent_at__isnull=False).values_list("pk")
)


def start_attempt(context: DeliveryContext, row: Deliverable, *, tells: Mapping[str, str] | None = None) -> bool:
    """Commit `sending` under the lane's fence, before the network is asked. False: the row has changed meanwhile.

    `tells`: the facts of the target that `row.record`, which is about to be written, was checked against.
    """
    now = shared_clock.now()  # another worker may judge how long ago this was
    values: dict[str, Any] = {"attempts": row.attempts + 1, "first_attempt_at": row.first_attempt_at or now}
    if not row.ambiguous:
        # An ambiguous row is read before it is written, so its write begins later (`attempts.create_post`).
        values["last_attempt_at"] = now
    if tells is not None:
        # Stored together: an edit at this moment may have put a newer text into the row, and this one goes out.
        values |= {"facts": dict(tells), "record": row.record}
    return claim(row, context.lease.fence, **values)


def acknowledge(context: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    """A post exists at the record key: that is `sent`, whatever its CID."""
    now = timezone.now()
    values: dict[str, Any] = {
        "uri": result.uri, "cid": result.cid, "sent_at": now, "reason": "", "error": "", "ambiguous": False,
    }  # fmt: skip
    if isinstance(row, Invitation):
        values["needs_confirmation"] = False
    if not apply(row, Transition.ACKNOWLEDGE, fence=context.lease.fence, **values):
        log.info("%s %s was sent, and is being taken back", type(row).__name__, row.pk)
        return
    if isinstance(row, Announcement):
        context.cache.announcements[row.pk] = True
    if isinstance(row, Invitation) and row.host_id not in context.cache.first_post_noted:
        if not _HAS_SENT.exists(host=row.host_id):
            HostSending.objects.get_or_create(host_id=row.host_id)
            HostSending.objects.filter(host_id=row.host_id, first_sent_at=None).update(first_sent_at=now)
        context.cache.first_post_noted.add(row.host_id)


def put_back(
    context: DeliveryContext,
    row: Deliverable,
    reason: str,
    at: dt.datetime,
    *,
    error: str = "",
    ambiguous: bool | None = None,
    count: bool = True,
) -> None:
    """Queue the row again for `at`. `ambiguous` None: as it was. Without `count` the attempt is not counted."""
    still_ambiguous = row.ambiguous if ambiguous is None else ambiguous
    apply(
        row,
        Transition.PUT_BACK,
        fence=context.lease.fence,
        reason=reason,
        error=error,
        next_attempt_at=at,
        ambiguous=still_ambiguous,
        attempts=row.attempts if count else max(0, row.attempts - 1),
        # The ten minutes run from the first attempt whose outcome is unknown, not from one that certainly failed.
        first_attempt_at=row.first_attempt_at if still_ambiguous else None,
    )


def postpone(row: Deliverable, reason: str, at: dt.datetime) -> None:
    """Say why a queued row does not go now, and when it is looked at again."""
    if type(row).objects.filter(pk=row.pk, state=State.QUEUED).update(reason=reason, next_attempt_at=at):
        counted(row, "postpone", reason)


def give_up(context: DeliveryContext, row: Deliverable, reason: str, *, error: str = "", ask: bool = False) -> None:
    """End as failed; with `ask` the host decides whether it goes again. An announcement takes its replies with it."""
    values: dict[str, Any] = {"reason": reason, "error": error, "retryable": reason not in FINAL_REASONS}
    if isinstance(row, Invitation):
        values["needs_confirmation"] = ask
    with transaction.atomic():
        done = apply(row, Transition.GIVE_UP, fence=context.lease.fence, **values)
        if done and isinstance(row, Announcement):
            for reply in row.invitations.filter(state=State.QUEUED, ambiguous=False):
                apply(reply, Transition.GIVE_UP, reason="announcement_failed", retryable=True)


def hold(context: DeliveryContext, row: Deliverable, reason: str, error: str = "") -> None:
    """Let a row wait for its host, and notify her. Replies to an announcement wait with it."""
    attempts = max(0, row.attempts - 1) if row.state == State.SENDING else row.attempts
    with transaction.atomic():
        ends = target_of(row).ends
        # We may already have posted an ambiguous row: its record key is read soon, even while the host's session is
        # invalid, because reading needs no permission.
        interval = timing.READ_RETRY_INTERVAL if row.ambiguous else timing.WAITING_POLL_INTERVAL
        at = timezone.now() + interval
        values: dict[str, Any] = {"reason": reason, "error": error, "next_attempt_at": min(at, ends) if ends else at}
        fence = context.lease.fence if row.state == State.SENDING else None
        if not apply(row, Transition.HOLD, fence=fence, attempts=attempts, **values):
            return
        if isinstance(row, Announcement):
            for reply in row.invitations.filter(state=State.QUEUED, ambiguous=False):
                apply(reply, Transition.HOLD, **values)
    if reason not in OPERATOR_REASONS:
        notifications.needs_host(row.host, reason)


def end(row: Deliverable, transition: Transition, reason: str) -> None:
    """Cancel or suppress a row whose post certainly does not exist. Replies to an announcement end with it."""
    with transaction.atomic():
        if isinstance(row, Announcement):
            # Locked, as `planning.queueing` locks it: the host may have invited somebody since it had no replies.
            Announcement.objects.select_for_update().get(pk=row.pk)
            if reason == "nobody" and row.invitations.filter(state__in=PENDING).exists():
                return
        if apply(row, transition, reason=reason, counted_on=None) and isinstance(row, Announcement):
            for reply in row.invitations.filter(state__in=PENDING, ambiguous=False):
                apply(reply, transition, reason=reason, counted_on=None)


def take_back(row: Deliverable, reason: str) -> None:
    """Begin to undo a post that exists or may still land. The worker that holds the lane sets `undo_settled_at`."""
    apply(
        row, Transition.UNDO, reason=reason, next_attempt_at=timezone.now(), undo_settled_at=None, undo_confirmations=0
    )


def pause_account(context: DeliveryContext, result: BlueskyResult) -> dt.datetime:
    """After a 429 the account pauses until the server's own limit resets; other accounts go on. Returns until when."""
    now = timezone.now()
    if result.reason != "rate_limited":
        return now
    # Seconds are preferred to `resets_at`, which is a time by the server's clock and that need not be ours.
    if result.retry_after:
        until = now + dt.timedelta(seconds=result.retry_after)
    elif result.resets_at is not None:
        until = result.resets_at if result.resets_at > now else now + timing.READ_RETRY_INTERVAL
    else:
        until = now + timing.DEFAULT_RATE_LIMIT_PAUSE
    until = min(max(until, now + timing.MIN_RATE_LIMIT_PAUSE), now + timing.MAX_RATE_LIMIT_PAUSE)
    context.lease.update(paused_until=until, pause_reason="rate_limited")
    return until


def too_long(context: DeliveryContext, row: Deliverable, result: BlueskyResult, error: str) -> None:
    """Shorten the row's text to what its server takes, for the host to confirm. The second refusal fails the row.

    The limit is stored in the row, so that the shorter text is what is composed from then on, and in the account's
    lane, so that the next preview shows it at once. Unsent posts of the account follow: she confirms all together.
    """
    said = str((result.response_payload or {}).get("message") or "")
    limit = limit_in(said, str(row.record["text"]))
    composed = None if row.text_limit else _shorter(row, limit)
    if composed is None:
        give_up(context, row, TEXT_TOO_LONG, error=error)
        return
    log.info("the server of %s refuses a text as too long; it takes %s", row.author_did, limit)
    with transaction.atomic():
        context.lease.update(text_limit=str(limit))
        if isinstance(row, Correction):
            # The host is offered the new one in its place.
            row.text_limit = str(limit)
            give_up(context, row, SHORTENED)
            return
        if isinstance(row, Invitation):
            _shorten_the_others(row, limit)  # before the row itself: announcements are locked before their replies
        values: dict[str, Any] = {"needs_confirmation": True} if isinstance(row, Invitation) else {}
        put_back = apply(
            row, Transition.PUT_BACK, fence=context.lease.fence, reason=SHORTENED, error="", record=composed.record,
            text_limit=str(limit), next_attempt_at=timezone.now(), attempts=max(0, row.attempts - 1),
            first_attempt_at=None, **values,
        )  # fmt: skip
        if put_back and isinstance(row, Announcement):
            _show_below(row)
            _shorten_the_others(row, limit)
    if put_back:
        notifications.needs_host(row.host, SHORTENED)


def _show_below(announcement: Announcement) -> None:
    """An announcement is shown with the invitations below it, and waits until one of them is confirmed."""
    replies = announcement.invitations.filter(state=State.QUEUED, ambiguous=False)
    replies.update(needs_confirmation=True, reason=SHORTENED)


def _shorter(row: Deliverable, limit: TextLimit) -> Composed | None:
    """The row's post within the limit, None where mention and link alone are over it."""
    before, row.text_limit = row.text_limit, str(limit)
    composed = compose.of_row(row, host_handle(row.host))
    row.text_limit = before
    return composed if limit.allows(composed.rich.text) else None


def _shorten_the_others(row: Deliverable, limit: TextLimit) -> None:
    """Unsent posts of the same host and account that were never attempted: those that are too long wait as well."""
    for model in MODELS:
        if model is Correction:
            continue  # its host is offered a new one where the server refuses it
        unsent = {"state__in": PENDING, "attempts": 0, "ambiguous": False, "text_limit": ""}
        rows = model.objects.select_for_update(of=("self",)).filter(author_did=row.author_did, host=row.host, **unsent)
        related = ("host__bluesky", "event", "community", *(("batch",) if model is Invitation else ()))
        for other in rows.exclude(pk=row.pk).select_related(*related):
            values: dict[str, Any] = {"text_limit": str(limit)}
            composed = _shorter(other, limit)
            if composed is not None and composed.record != other.record:
                values["record"] = composed.record
                if isinstance(other, Invitation):
                    values["needs_confirmation"] = True
                    values |= {"reason": SHORTENED} if other.state == State.QUEUED else {}
            done = model.objects.filter(pk=other.pk, state=other.state).update(**values)
            if done and "record" in values and isinstance(other, Announcement):
                _show_below(other)
