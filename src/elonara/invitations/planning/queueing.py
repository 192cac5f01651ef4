"""Writing the rows of one Send: one short transaction, no network, no query per person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara import shared_clock
from elonara.atproto.tid import new_tid
from elonara.invitations import job_kinds, states
from elonara.invitations.consent import caps, eligibility, opt_outs, recipient_caps, sending_days
from elonara.invitations.models import Announcement, Batch, Invitation, State, Voice
from elonara.invitations.planning import fingerprint
from elonara.invitations.planning.plan import PlannedInvitation, SendPlan
from elonara.invitations.results import InvitationRefused, Sent, Skipped, skip
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member

# The columns of a reused row that a new Send overwrites.
REUSED_COLUMNS = (
    "batch", "host", "announcement", "author_did", "voice", "rkey", "record", "state", "reason", "error", "retryable",
    "attempts", "first_attempt_at", "last_attempt_at", "ambiguous", "next_attempt_at", "uri", "cid", "sent_at",
    "undo_settled_at", "undo_confirmations", "queued_at", "invitee_handle", "invitee_name", "invitee_avatar", "line",
    "needs_confirmation", "outdated", "counted_on", "ref", "text_limit",
)  # fmt: skip


def earlier_outcome(host: Member, target: Target, key: str) -> Sent | None:
    """What an earlier Send with this idempotency key did. Raises InvitationRefused where it had another target."""
    if not key:
        return None
    batch = Batch.objects.filter(host=host, idempotency_key=key).first()
    if batch is None:
        return None
    if (batch.event_id, batch.community_id) != tuple(getattr(of, "pk", None) for of in target.keys.values()):
        raise InvitationRefused("wrong_state", _("This idempotency key was used for another send."))
    rows = list(batch.invitations.all())
    counted = [row.counted_on for row in rows if row.counted_on]
    today, later, schedule = caps.schedule_in_words(counted, sending_days.today(host))
    waiting = sum(row.state == State.WAITING for row in rows)
    skipped = [Skipped.from_dict(item) for item in batch.skipped]
    return Sent(batch, len(rows), skipped, today, later, waiting, schedule, repeated=True)


def write(plan: SendPlan, key: str, preview_id: str | None = None, *, alone_if_gone: bool = False) -> Sent:
    """Write batch, announcement and invitations, and wake the workers.

    Raises InvitationRefused, and writes nothing, where `preview_id` showed something else.
    """
    host, target = plan.host, plan.target
    relay = plan.voice == Voice.RELAY
    with transaction.atomic():
        caps.lock(host, plan.ready.author_did if relay else "")
        if (before := earlier_outcome(host, target, key)) is not None:
            return before
        if plan.announcement:
            # Announcements are locked before their replies, here as in a worker: otherwise the two would deadlock.
            _announcements(plan).first()
        wanted, skipped = _check_again(plan)
        now, day = timezone.now(), sending_days.today(host)
        # Before `days_for`: an announcement by the relay takes a place that its replies cannot take.
        announcement = _announce(plan, now) if plan.announcement and wanted else None
        above = plan.announcement.above(announcement) if plan.announcement and announcement else None
        fingerprint.require(preview_id, plan.fingerprint(wanted, above), [one.did for one in skipped])
        days = caps.days_for(host, len(wanted), relay=relay)
        batch = Batch.objects.create(
            host=host, note=plan.note, thread=plan.thread, alone_if_gone=alone_if_gone, idempotency_key=key, skipped=[],
            sentence=plan.sentence, sentence_facts=target.facts if plan.sentence else None, **target.keys,
        )  # fmt: skip
        rows = {
            one.person.did: _invitation(
                plan,
                one,
                batch,
                announcement,
                counted_on=on,
                next_attempt_at=now if on == day else sending_days.start_of_day(host, on),
                queued_at=now,
            )
            for one, on in zip(wanted, days, strict=True)
        }
        written, invited_meanwhile = _store(target, rows)
        skipped += [skip("already_invited", did=did, handle=rows[did].invitee_handle) for did in invited_meanwhile]
        batch.skipped = [item.to_dict() for item in skipped]
        batch.save(update_fields=["skipped"])
        if written:
            job_kinds.wake_lane(plan.ready.author_did)
    counted = [row.counted_on for row in written if row.counted_on]
    today, later, schedule = caps.schedule_in_words(counted, day)
    waiting = sum(row.state == State.WAITING for row in written)
    return Sent(batch, len(written), skipped, today, later, waiting, schedule)


def reset_for_requeue(row: Deliverable, *, ready: bool, reason: str, at: dt.datetime) -> None:
    """Reset a row, in memory, to queued, or to waiting for what `reason` names.

    Raises `states.TransitionNotAllowed`.
    """
    state = states.next_state(Transition.REQUEUE, row.state)
    if row.state == State.UNDONE:
        row.rkey = new_tid()  # a late write of the old post must not be taken for the new one
    row.state, row.reason = (state, "") if ready else (State.WAITING, reason)
    row.error, row.retryable, row.attempts = "", True, 0
    row.uri = row.cid = ""
    row.sent_at = row.undo_settled_at = None
    row.undo_confirmations = 0
    row.last_attempt_at = row.last_attempt_at if row.ambiguous else None
    # An ambiguous row stays so. Its `timing.ABSENCE_IS_PROOF_AFTER` starts anew: the host has just asked for the post.
    row.first_attempt_at = shared_clock.now() if row.ambiguous else None
    row.queued_at = timezone.now()
    row.next_attempt_at = at
    if isinstance(row, Invitation):
        row.needs_confirmation = False
        row.outdated = row.outdated and row.ambiguous  # a post that may exist has the old text


def _check_again(plan: SendPlan) -> tuple[list[PlannedInvitation], list[Skipped]]:
    """Who still may be invited, and who is skipped: what may have changed during the plan's network requests.

    Under the locks of `caps`.
    """
    people = {one.person.did: one for one in plan.invitations}
    recipient_caps.lock_people(people)
    outs = opt_outs.opted_out(plan.host, people)
    rows = {
        row.invitee_did: row
        for row in Invitation.objects.select_for_update().filter(**plan.target.only, invitee_did__in=list(people))
    }
    full = recipient_caps.person_caps(people, apart_from=plan.target)
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
    """The existing announcement that the plan's invitations would reply to, locked.

    Without the lock a worker or the host could end it at this moment, and the new rows would never be posted.
    """
    rows = Announcement.objects.select_for_update()
    return rows.filter(author_did=plan.ready.author_did, host=plan.host, **plan.target.only)


def _announce(plan: SendPlan, at: dt.datetime) -> Announcement | None:
    """The target's announcement by this author and host: the existing row, or a new one. None: post no thread."""
    post = plan.announcement
    if post is None:
        return None
    new: dict[str, Any] = {
        "voice": plan.voice,
        "text_limit": plan.text_limit,
        "rkey": new_tid(),
        "record": post.record,
        "state": State.QUEUED if plan.ready.can_post else State.WAITING,
        "reason": "" if plan.ready.can_post else plan.ready.reason,
        "next_attempt_at": at,
        "queued_at": timezone.now(),
    }
    row, created = _announcements(plan).get_or_create(
        author_did=plan.ready.author_did, host=plan.host, **plan.target.only, defaults=new
    )
    if created:
        caps.reserve(row)
        row.save(update_fields=["counted_on"])
        return row
    if row.state in {State.SENT, State.SENDING, State.QUEUED, State.WAITING}:
        if row.state == State.QUEUED and at < row.next_attempt_at and not row.attempts:
            Announcement.objects.filter(pk=row.pk, state=row.state).update(next_attempt_at=at)
        return row
    if row.state == State.UNDOING:
        return None  # it is being undone: the invitations go out as posts of their own
    if not row.ambiguous:
        row.record, row.voice, row.text_limit = post.record, plan.voice, plan.text_limit
    reset_for_requeue(row, ready=plan.ready.can_post, reason=plan.ready.reason, at=at)
    caps.reserve(row)
    row.save()
    return row


def _invitation(
    plan: SendPlan,
    planned: PlannedInvitation,
    batch: Batch,
    announcement: Announcement | None,
    *,
    counted_on: dt.date,
    next_attempt_at: dt.datetime,
    queued_at: dt.datetime,
) -> Invitation:
    person = planned.person
    return Invitation(
        batch=batch,
        host=plan.host,
        announcement=announcement,
        author_did=plan.ready.author_did,
        voice=plan.voice,
        text_limit=plan.text_limit,
        rkey=new_tid(),
        record=planned.post.record,
        state=State.QUEUED if plan.ready.can_post else State.WAITING,
        reason="" if plan.ready.can_post else plan.ready.reason,
        next_attempt_at=next_attempt_at,
        queued_at=queued_at,
        invitee_did=person.did,
        invitee_handle=person.handle,
        invitee_name=person.display_name,
        invitee_avatar=person.avatar,
        line=planned.line,
        ref=planned.ref,
        counted_on=counted_on,
        **plan.target.keys,
    )


def _store(target: Target, rows: dict[str, Invitation]) -> tuple[list[Invitation], list[str]]:
    """Insert new rows and reuse existing ones of the same person.

    Returns the written rows, and the DIDs whom another host invited at this moment (unique constraint).
    """
    existing = {row.invitee_did: row for row in Invitation.objects.filter(**target.only, invitee_did__in=list(rows))}
    reused = []
    for did, old in existing.items():
        new = rows[did]
        # The row keeps its id, so that links to it go on working; everything else comes from the new Send.
        new.pk, new.undone_once, new.created_at = old.pk, old.undone_once, old.created_at
        if old.author_did == new.author_did:
            # No post is known to exist at the old key. If one does (the row came from a backup), the PDS refuses a
            # second record at the same key, and the post is found instead of being written twice.
            new.rkey = old.rkey
        new._state.adding = False
        reused.append(new)
    Invitation.objects.bulk_update(reused, REUSED_COLUMNS)
    new_rows = [row for did, row in rows.items() if did not in existing]
    Invitation.objects.bulk_create(new_rows, ignore_conflicts=True)
    ids = set(Invitation.objects.filter(pk__in=[row.pk for row in new_rows]).values_list("pk", flat=True))
    written = [*reused, *(row for row in new_rows if row.pk in ids)]
    return written, [row.invitee_did for row in new_rows if row.pk not in ids]
