"""Keeping unsent posts true: a post that was never attempted is composed anew when its target or author changes.

The host has to confirm the new text before it is sent.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from elonara import shared_clock
from elonara.atproto.tid import new_tid
from elonara.events.models import Event
from elonara.invitations import notifications
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import Announcement, Correction, Invitation, State, Voice
from elonara.invitations.outbox import timing
from elonara.invitations.planning import compose
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.compose import Composed
from elonara.invitations.results import PostingReadiness
from elonara.invitations.states import PENDING, Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable, apply

log = logging.getLogger(__name__)

ANNOUNCEMENT_GONE = "announcement_gone"
# Fields of a target that the text of a post names. Others (description, picture) change only the card.
FIELDS_IN_POST = frozenset({
    "title", "name", "starts_at", "all_day", "timezone", "location", "place_hidden", "visibility",
})  # fmt: skip


def recompose(row: Deliverable, composed: Composed, *, ask: bool = True) -> None:
    """Store the new text. With `ask` an invitation then waits for its host's confirmation."""
    values: dict[str, Any] = {"record": composed.record}
    if isinstance(row, Invitation):
        values["outdated"] = False
        if target_of(row).is_private:
            values["announcement"] = None
        if ask:
            values |= {"needs_confirmation": True, "reason": "changed" if row.state != State.WAITING else row.reason}
    _store(row, values)


def reply_alone(row: Invitation) -> None:
    """The announcement above is gone: the row goes as a post of its own once its host has confirmed that."""
    _store(row, {"announcement": None, "needs_confirmation": True, "reason": ANNOUNCEMENT_GONE})
    notifications.announcement_gone(row.host, target_of(row))


def announcement_gone(announcement: Announcement) -> bool:
    """Somebody else has deleted an announcement. Its queued replies ask their host, or go alone as she chose before.

    Replies that wait for something else ask when they go on (`prechecks`). The announcement ends as one that was taken
    back: nothing of ours stands at its key, and a later Send announces anew. While a late write could still bring it
    back, the key is read again. False: it is not `sent` any more, and nothing was changed.
    """
    now, shared = timezone.now(), shared_clock.now()
    settled = (announcement.last_attempt_at or shared) + timing.LATE_WRITE_WINDOW
    with transaction.atomic():
        Announcement.objects.select_for_update().get(pk=announcement.pk)
        gone = apply(
            announcement, Transition.UNDO, reason=ANNOUNCEMENT_GONE, error="", next_attempt_at=now,
            undo_settled_at=settled, undo_confirmations=1,
        )  # fmt: skip
        if not gone:
            return False
        queued = announcement.invitations.filter(state=State.QUEUED)
        queued.filter(batch__alone_if_gone=True).update(announcement=None)
        asked = queued.filter(batch__alone_if_gone=False).update(
            announcement=None, needs_confirmation=True, reason=ANNOUNCEMENT_GONE
        )
        if settled <= shared:
            apply(announcement, Transition.SETTLE, uri="", cid="", ambiguous=False, undo_confirmations=2)
    if asked:
        notifications.announcement_gone(announcement.host, target_of(announcement))
    return True


def renamed(row: Invitation, handle: str) -> bool:
    """The invitee's handle has changed: name the new one in the text. The mention's DID stays.

    Whether it may go. Beside a longer handle the host's own sentence may have to be shortened: then she is asked first.
    """
    host_handle = posting_readiness.host_handle(row.host)
    earlier = compose.is_in_earlier_words(row, host_handle)
    whole = "sentence" not in compose.of_row(row, host_handle).shortened
    row.invitee_handle = handle
    composed = compose.of_row(row, host_handle, earlier=earlier)
    Invitation.objects.filter(pk=row.pk, state=row.state).update(invitee_handle=handle)
    if whole and "sentence" in composed.shortened:
        recompose(row, composed)
        return False
    row.record = composed.record
    Invitation.objects.filter(pk=row.pk, state=row.state).update(record=row.record)
    return True


def handle_changed(did: str, handle: str) -> None:
    """Somebody has this handle now. Unsent posts that name them follow, without a question: it is the same account.

    Posts that were attempted keep their text for now: it is read at the key that they have.
    """
    unsent = {"state__in": PENDING, "attempts": 0, "ambiguous": False}
    related = ("host__bluesky", "event", "community", "batch")
    with transaction.atomic():
        mentioned = Invitation.objects.filter(invitee_did=did).exclude(invitee_handle__in=("", handle))
        for row in mentioned.filter(**unsent).select_for_update(of=("self",)).select_related(*related):
            renamed(row, handle)
        mentioned.exclude(state__in=(*PENDING, State.SENDING)).update(invitee_handle=handle)
        # The site's own account names the host by her handle.
        for model in (Announcement, Invitation):
            names = related if model is Invitation else related[:3]
            relayed = model._default_manager.filter(host__bluesky__bsky_did=did, voice=Voice.RELAY, **unsent)
            for one in relayed.select_for_update(of=("self",)).select_related(*names):
                earlier = compose.is_in_earlier_words(one, posting_readiness.host_handle(one.host))
                composed = compose.of_row(one, handle, earlier=earlier)
                if composed.record != one.record:
                    recompose(one, composed, ask="sentence" in composed.shortened)


def readdress(row: Deliverable, ready: PostingReadiness) -> None:
    """Move a host's rows that were never attempted to the account that posts for her now; she confirms them."""
    voice = posting_readiness.voice_for(ready)
    handle = posting_readiness.host_handle(row.host)
    limit = posting_readiness.text_limit_of(ready.author_did)
    with transaction.atomic():
        rows = (
            Invitation.objects.select_for_update(of=("self",))
            .filter(host=row.host, author_did=row.author_did, state__in=PENDING, attempts=0, ambiguous=False)
            .select_related("host__bluesky", "event", "community", "batch", "announcement")
        )
        announcements: dict[Any, Announcement | None] = {}
        for invitation in rows:
            target = target_of(invitation)
            old = invitation.announcement
            if old is not None:
                key = (target.kind, target.of.pk)
                if key not in announcements:
                    announcements[key] = _moved(old, target, ready.author_did, voice, handle)
                invitation.announcement = announcements[key]
            invitation.author_did, invitation.voice, invitation.rkey = ready.author_did, voice, new_tid()
            invitation.text_limit = limit
            invitation.record = compose.of_row(invitation, handle).record
            invitation.needs_confirmation, invitation.reason = True, "author_changed"
            invitation.save(update_fields=[
                "author_did", "voice", "rkey", "record", "text_limit", "announcement", "needs_confirmation", "reason",
            ])  # fmt: skip
    wake_lane(ready.author_did)


def target_changed(target: Target, fields: frozenset[str]) -> None:
    """An event or a community has changed: recompose its unsent posts, and mark the sent ones as outdated."""
    last_day = isinstance(target.of, Event) and target.of.all_day and "ends_at" in fields
    ask = last_day or bool(fields & FIELDS_IN_POST)
    ended = target.over()
    authors: set[str] = set()
    with transaction.atomic():
        if target.is_private:
            for announcement in Announcement.objects.select_for_update().filter(
                **target.only, state__in=PENDING, ambiguous=False
            ):
                detach_replies(announcement)
                Announcement.objects.filter(pk=announcement.pk).update(
                    state=State.CANCELLED, reason="made_private", counted_on=None
                )
        for model in (Announcement, Invitation):
            related = ["host__bluesky", "event", "community", *(["batch"] if model is Invitation else [])]
            pending = model.objects.select_for_update(of=("self",)).filter(
                **target.only, state__in=PENDING, ambiguous=False
            )
            for row in pending.select_related(*related):
                authors.add(row.author_did)
                if ended:
                    model.objects.filter(pk=row.pk).update(state=State.CANCELLED, reason=ended, counted_on=None)
                    continue
                composed = compose.of_row(row, posting_readiness.host_handle(row.host))
                if composed.record != row.record:
                    recompose(row, composed, ask=ask)
        authors |= _end_corrections(target, ended)
        if ask or ended:
            # Posts that exist, are being sent or may exist have the old text.
            possibly_sent = Q(state__in=(State.SENT, State.SENDING)) | Q(
                state__in=(*PENDING, State.FAILED), ambiguous=True
            )
            Invitation.objects.filter(possibly_sent, **target.only).update(outdated=True)
        for did in sorted(authors):
            wake_lane(did)


def _end_corrections(target: Target, ended: str) -> set[str]:
    """Cancel updates on their way that are not true any more: the host is offered the newest. Returns the authors."""
    rows = Correction.objects.select_for_update(of=("self",)).filter(**target.only, state__in=PENDING, ambiguous=False)
    authors = set()
    for row in rows.select_related("host__bluesky", "event", "community"):
        reason = ended or ("made_private" if target.is_private else "")
        if not reason and compose.of_row(row, posting_readiness.host_handle(row.host)).record != row.record:
            reason = "changed"
        if reason:
            authors.add(row.author_did)
            Correction.objects.filter(pk=row.pk).update(state=State.CANCELLED, reason=reason, counted_on=None)
    return authors


def detach_replies(announcement: Announcement) -> None:
    """Let the unsent replies to an announcement that will not be posted go as posts of their own."""
    announcement.invitations.filter(state__in=PENDING, ambiguous=False).update(announcement=None)


def _store(row: Deliverable, values: dict[str, Any]) -> None:
    """Store what has changed in a row that is not posted now."""
    rows = type(row).objects.filter(pk=row.pk, state=row.state)
    if row.state == State.SENDING:
        # Its key was read and is empty, and the next step would write: back to the queue, and still ambiguous.
        values |= {"state": State.QUEUED, "ambiguous": True}
        rows = rows.filter(fence=row.fence)
    if rows.update(**values):
        for name, value in values.items():
            setattr(row, name, value)


def _moved(old: Announcement, target: Target, author_did: str, voice: str, handle: str) -> Announcement | None:
    """The announcement at the new author that replies can hang from; None if it ended there."""
    limit = posting_readiness.text_limit_of(author_did)
    words = compose.words_of(old.host, handle, voice, limit=limit)
    row, _ = Announcement.objects.get_or_create(
        author_did=author_did,
        host=old.host,
        **target.only,
        defaults={
            "voice": voice if voice in Voice.values else Voice.HOST,
            "text_limit": limit,
            "rkey": new_tid(),
            "record": compose.announcement(target, words).record,
            "next_attempt_at": timezone.now(),
            "queued_at": timezone.now(),
        },
    )
    return row if row.state in {State.QUEUED, State.WAITING, State.SENDING, State.SENT} else None
