"""Registration: the jobs of invitations, and the listeners for changes of sessions, events and communities.

`install` is called once, when the site starts.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from allauth.account.signals import email_confirmed
from django.db import transaction
from django.db.models import Exists, Q, QuerySet
from django.db.models.signals import post_save, pre_delete
from django.utils import timezone

from elonara import jobs
from elonara.bluesky import hooks as bluesky
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.communities import hooks as communities
from elonara.communities.models import Community, Membership
from elonara.compiled_queries import CompiledQuery
from elonara.events import hooks as events
from elonara.events.guests import approval, places
from elonara.events.messages import reminders, telling
from elonara.events.models import Event, Rsvp
from elonara.invitations import job_kinds, notifications
from elonara.invitations.consent import accounts, one_person, sending_days
from elonara.invitations.email import delivery as email_delivery
from elonara.invitations.guest_emails import asking
from elonara.invitations.guest_emails import delivery as guest_delivery
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import EmailInvitation, EmailState, HostSending, Invitation, State
from elonara.invitations.outbox import delivery, recompose
from elonara.invitations.responses import email_reader
from elonara.invitations.states import IN_PROGRESS, PENDING, Transition
from elonara.invitations.targets import Target
from elonara.invitations.transitions import MODELS, apply, resume
from elonara.members.models import Member


def _held_back(host: Any, did: Any) -> QuerySet[Any, Any]:
    """The host, where her session lets rows go on (those that wait for her, those being undone) or settles a notice."""
    held_back = Q(host=host, state=State.WAITING) | Q(author_did=did, state=State.UNDOING)
    found = [Exists(model._default_manager.filter(held_back)) for model in MODELS]
    found.append(Exists(notifications.open_notice_of(host)))
    return Member.objects.filter(functools.reduce(operator.or_, found), pk=host).values_list("pk")


_HELD_BACK = CompiledQuery(_held_back)


def install() -> None:
    """Register jobs and listeners. Calling it again changes nothing."""
    jobs.register(job_kinds.POSTS, delivery.poll, delivery.sweep)
    jobs.register(job_kinds.EMAILS, email_delivery.poll, email_delivery.sweep)
    jobs.register(telling.JOB, guest_delivery.poll, guest_delivery.sweep)
    jobs.register(reminders.JOB, reminders.poll, reminders.sweep)
    for proof in (MemberIdentity, AppPasswordSession):
        post_save.connect(accounts.proved, sender=proof)
    for invitation in (Invitation, EmailInvitation):
        pre_delete.connect(accounts.invitation_deleted, sender=invitation)
    pre_delete.connect(accounts.member_deleted, sender=Member)
    post_save.connect(sending_days.member_saved, sender=Member)
    bluesky.on_disconnect.add(disconnected)
    bluesky.on_ready.add(ready)
    bluesky.on_needs_member.add(needs_member)
    bluesky.on_handle.add(handle_read)
    bluesky.set_relay_policy(relay_policy)
    events.on_change(event_changed)
    events.on_change(places.settings_changed)
    events.on_change(approval.settings_changed)
    events.on_rsvp(answered)
    events.on_rsvp(asking.answered)
    email_confirmed.connect(asking.address_verified)
    email_confirmed.connect(email_reader.address_verified)
    communities.on_change(community_changed)
    communities.on_join(joined)


def disconnected(member_id: int, did: str) -> None:
    """Cancel the host's unsent rows. Ambiguous rows stay, and their keys are read as before."""
    with transaction.atomic():
        for model in MODELS:
            rows = model.objects.filter(host_id=member_id, state__in=PENDING, ambiguous=False)
            for row in rows:
                apply(row, Transition.CANCEL, reason="host_disconnected", counted_on=None)
        wake_lane(did)


def ready(member_id: int, did: str) -> None:
    """A session or an app password was stored: rows that waited for it go on, and undos too."""
    # Called at every connect. Mostly nothing waits and there is no notice, which one cheap query finds out.
    if _HELD_BACK.exists(host=member_id, did=did):
        _resume(member_id, did)
        notifications.settle_host(Member(pk=member_id))  # only its primary key is used
    elif did:
        wake_lane(did)


def _resume(member_id: int, did: str) -> None:
    now = timezone.now()
    authors = {did} - {""}
    with transaction.atomic():
        for model in MODELS:
            for row in model.objects.filter(host_id=member_id, state=State.WAITING):
                if resume(row, now):
                    authors.add(row.author_did)
            undoing = model.objects.filter(author_did=did, state=State.UNDOING)
            undoing.filter(undo_confirmations=0).update(next_attempt_at=now)
        for author in sorted(authors):
            wake_lane(author)


def needs_member(member_id: int, did: str) -> None:
    """A session was lost that only the host can restore. Notify her if she has unsent invitations.

    The next attempt puts her rows into the state `waiting`.
    """
    pending = any(model.objects.filter(host_id=member_id, state__in=IN_PROGRESS).exists() for model in MODELS)
    member = Member.objects.filter(pk=member_id).first()
    if pending and member is not None:
        transaction.on_commit(lambda: notifications.needs_host(member, "needs_reauth"), robust=True)
        wake_lane(did)


def handle_read(did: str, handle: str) -> None:
    """Show a person under the handle that they have now: in answers, memberships, invitations and unsent posts."""
    for model in (Rsvp, Membership):
        model._default_manager.filter(did=did).exclude(handle__in=("", handle)).update(handle=handle)
    recompose.handle_changed(did, handle)


def relay_policy(member_id: int) -> str:
    """The reason why a host may not post through the relay, "" where the operator approved her."""
    approved = HostSending.objects.filter(host_id=member_id, relay_approved=True).exists()
    return "" if approved else "relay_not_approved"


def event_changed(event: Event, fields: frozenset[str]) -> None:
    """Recompose unsent posts, mark sent ones as outdated, end those that are not possible any more."""
    recompose.target_changed(Target(event), fields)


def community_changed(community: Community, fields: frozenset[str]) -> None:
    """As for events."""
    recompose.target_changed(Target(community), fields)


def answered(rsvp: Rsvp) -> None:
    """Store an RSVP that was given anywhere on the site in the person's invitation too."""
    _store_answer({"event_id": rsvp.event_id}, rsvp.did, rsvp.member_id, rsvp.choice)
    by_email = Q(pk__in=() if rsvp.email_invitation_id is None else [rsvp.email_invitation_id])
    if rsvp.member_id is not None and (hashes := one_person.hashes_of(rsvp.member_id)):
        # One that still waits ends when its turn comes: she has answered.
        by_email |= Q(event=rsvp.event_id, address_hash__in=hashes) & ~Q(state=EmailState.QUEUED)
    EmailInvitation.objects.filter(by_email).update(answer=rsvp.choice, answered_at=rsvp.answered_at)


def joined(membership: Membership) -> None:
    """Store in the invitation that the person joined, by whatever way."""
    _store_answer({"community_id": membership.community_id}, membership.did, membership.member_id, "joined")


def _store_answer(target: dict[str, int], did: str, member_id: int | None, answer: str) -> None:
    dids = {did} - {""}
    if member_id is not None:
        dids |= set(
            Member.objects.filter(pk=member_id, bluesky__isnull=False).values_list("bluesky__bsky_did", flat=True)
        )
    if dids:
        Invitation.objects.filter(invitee_did__in=dids, **target).update(answer=answer, answered_at=timezone.now())
