"""Writing the rows of one press of Send: one short transaction, no network, no query per person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from elonara.atproto.tid import new_tid
from elonara.invitations import job_kinds, states
from elonara.invitations.consent import caps, eligibility, opt_outs
from elonara.invitations.models import Announcement, Batch, Invitation, State, Voice
from elonara.invitations.planning.plan import PlannedInvitation, SendPlan
from elonara.invitations.results import InvitationRefused, Sent, Skipped, skip
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target
from elonara.members.models import Member

REQUEUED = (
    "batch", "host", "announcement", "author_did", "voice", "rkey", "record", "state", "reason", "error", "retryable",
    "attempts", "first_attempt_at", "last_attempt_at", "ambiguous", "next_attempt_at", "uri", "cid", "sent_at",
    "undo_settled_at", "undo_confirmations", "queued_at", "invitee_handle", "invitee_name", "invitee_avatar", "line",
    "needs_confirmation", "outdated", "counted_on", "ref",
)  # fmt: skip


def earlier_outcome(host: Member, target: Target, key: str) -> Sent | None:
    """What the same idempotency key did before. Raises InvitationRefused where that was for another target."""
    if not key:
        return None
    batch = Batch.objects.filter(host=host, idempotency_key=key).first()
    if batch is None:
        return None
    if (batch.event_id, batch.community_id) != tuple(getattr(of, "pk", None) for of in target.keys.values()):
        raise InvitationRefused("wrong_state", "This idempotency key was used for another send.")
    rows = list(batch.invitations.all())
    today, later, _ = caps.schedule_in_words([row.counted_on for row in rows if row.counted_on], caps.today(host))
    waiting = sum(row.state == State.WAITING for row in rows)
    skipped = [Skipped.from_dict(item) for item in batch.skipped]
    return Sent(batch, len(rows), skipped, today, later, waiting, repeated=True)


def write(plan: SendPlan, key: str) -> Sent:
    """Write batch, announcement and invitations, and wake the workers."""
    host, target = plan.host, plan.target
    relay = plan.voice == Voice.RELAY
    with transaction.atomic():
        caps.lock(host, plan.ready.author_did if relay else "")
        if (before := earlier_outcome(host, target, key)) is not None:
            return before
        if plan.announcement:
            # Announcements are locked before their replies, here as in a worker: else the two wait for each other.
            _announcements(plan).first()
        wanted, skipped = _still_free(plan)
        now, day = timezone.now(), caps.today(host)
        # First, since the relay's share is what it leaves. When it goes is when its first reply may.
        announcement = _announce(plan, now) if plan.announcement and wanted else None
        days = caps.days_for(host, len(wanted), relay=relay)
        batch = Batch.objects.create(
            host=host, note=plan.note, thread=plan.thread, idempotency_key=key, skipped=[], **target.keys
        )
        starts = [now if on == day else caps.start_of_day(host, on) for on in days]
        rows = {
            one.person.did: _row(plan, one, batch, announcement, on, at)
            for one, on, at in zip(wanted, days, starts, strict=True)
        }
        written, lost = _store(target, rows)
        skipped += [skip("already_invited", did=did, handle=rows[did].invitee_handle) for did in lost]
        batch.skipped = [item.to_dict() for item in skipped]
        batch.save(update_fields=["skipped"])
        if written:
            job_kinds.wake_lane(plan.ready.author_did)
    counted = [row.counted_on for row in written if row.counted_on]
    today, later, _ = caps.schedule_in_words(counted, day)
    waiting = sum(row.state == State.WAITING for row in written)
    return Sent(batch, len(written), skipped, today, later, waiting)


def reset_for_requeue(row: Invitation | Announcement, *, ready: bool, reason: str, at: dt.datetime) -> None:
    """Make a row as good as new, in memory: queued, or waiting for what `reason` names. Raises states.NotPossible."""
    state = states.next_state(Transition.REQUEUE, row.state)
    if row.state == State.UNDONE:
        row.rkey = new_tid()  # a late write of the old attempt must not count for the new one
    row.state, row.reason = (state, "") if ready else (State.WAITING, reason)
    row.error, row.retryable, row.attempts = "", True, 0
    row.uri = row.cid = ""
    row.sent_at = row.undo_settled_at = None
    row.undo_confirmations = 0
    row.last_attempt_at = row.last_attempt_at if row.ambiguous else None
    # An uncertain row keeps its doubt, and gets a new ten minutes: the host has just said "send it again".
    row.first_attempt_at = timezone.now() if row.ambiguous else None
    row.queued_at = timezone.now()
    row.next_attempt_at = at
    if isinstance(row, Invitation):
        row.needs_confirmation = False
        row.outdated = row.outdated and row.ambiguous  # what may stand still says what it said


def _still_free(plan: SendPlan) -> tuple[list[PlannedInvitation], list[Skipped]]:
    """Ask once more what may have changed while the network was asked, now under the locks."""
    people = {one.person.did: one for one in plan.planned}
    caps.lock_people(people)
    outs = opt_outs.opted_out(plan.host, people)
    rows = {
        row.invitee_did: row
        for row in Invitation.objects.select_for_update().filter(**plan.target.only, invitee_did__in=list(people))
    }
    full = caps.person_caps(people, apart_from=plan.target)
    wanted, skipped = [], list(plan.skipped)
    for did, one in people.items():
        code = outs.get(did) or eligibility.already_invited(rows.get(did)) or ("person_cap" if did in full else "")
        if code:
            person = one.person
            skipped.append(skip(code, did=did, handle=person.handle, name=person.name, until=full.get(did)))
        else:
            wanted.append(one)
    return wanted, skipped


def _announcements(plan: SendPlan) -> QuerySet[Announcement]:
    """The plan's announcement, where there is one, locked: a worker or the host may be ending it at this moment, and
    the new rows would hang from nothing."""
    rows = Announcement.objects.select_for_update()
    return rows.filter(author_did=plan.ready.author_did, host=plan.host, **plan.target.only)


def _announce(plan: SendPlan, at: dt.datetime) -> Announcement | None:
    """The target's announcement by this author: the one that stands, or one to be posted."""
    post = plan.announcement
    if post is None:
        return None
    fresh: dict[str, Any] = {
        "voice": plan.voice,
        "rkey": new_tid(),
        "record": post.record,
        "state": State.QUEUED if plan.ready.can_post else State.WAITING,
        "reason": "" if plan.ready.can_post else plan.ready.reason,
        "next_attempt_at": at,
        "queued_at": timezone.now(),
    }
    row, made = _announcements(plan).get_or_create(
        author_did=plan.ready.author_did, host=plan.host, **plan.target.only, defaults=fresh
    )
    if made:
        caps.reserve(row)
        row.save(update_fields=["counted_on"])
        return row
    if row.state in {State.SENT, State.SENDING, State.QUEUED, State.WAITING}:
        if row.state == State.QUEUED and at < row.next_attempt_at and not row.attempts:
            Announcement.objects.filter(pk=row.pk, state=row.state).update(next_attempt_at=at)
        return row
    if row.state == State.UNDOING:
        return None  # it is being taken back at this moment: these go out as separate posts
    if not row.ambiguous:
        row.record, row.voice = post.record, plan.voice
    reset_for_requeue(row, ready=plan.ready.can_post, reason=plan.ready.reason, at=at)
    caps.reserve(row)
    row.save()
    return row


def _row(  # noqa: PLR0917
    plan: SendPlan,
    one: PlannedInvitation,
    batch: Batch,
    announcement: Announcement | None,
    on: dt.date,
    at: dt.datetime,
) -> Invitation:
    person = one.person
    return Invitation(
        batch=batch,
        host=plan.host,
        announcement=announcement,
        author_did=plan.ready.author_did,
        voice=plan.voice,
        rkey=new_tid(),
        record=one.post.record,
        state=State.QUEUED if plan.ready.can_post else State.WAITING,
        reason="" if plan.ready.can_post else plan.ready.reason,
        next_attempt_at=at,
        queued_at=timezone.now(),
        invitee_did=person.did,
        invitee_handle=person.handle,
        invitee_name=person.display_name,
        invitee_avatar=person.avatar,
        line=one.line,
        ref=one.ref,
        counted_on=on,
        **plan.target.keys,
    )


def _store(target: Target, rows: dict[str, Invitation]) -> tuple[list[Invitation], list[str]]:
    """Insert new rows, reuse old ones of the same person; those whom another host was quicker with come back."""
    existing = {row.invitee_did: row for row in Invitation.objects.filter(**target.only, invitee_did__in=list(rows))}
    reused = []
    for did, old in existing.items():
        new = rows[did]
        # The old row's identity stays; everything else is the new press.
        new.pk, new.undone_once, new.created_at = old.pk, old.undone_once, old.created_at
        if old.author_did == new.author_did:
            # Of no attempt is known that its post stands. If one does after all (the row is of a backup), the key that
            # it has is refused a second time, and the post is found.
            new.rkey = old.rkey
        new._state.adding = False
        reused.append(new)
    Invitation.objects.bulk_update(reused, REQUEUED)
    fresh = [row for did, row in rows.items() if did not in existing]
    Invitation.objects.bulk_create(fresh, ignore_conflicts=True)
    ids = set(Invitation.objects.filter(pk__in=[row.pk for row in fresh]).values_list("pk", flat=True))
    written = [*reused, *(row for row in fresh if row.pk in ids)]
    return written, [row.invitee_did for row in fresh if row.pk not in ids]
