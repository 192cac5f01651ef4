"""The end of an account: what it would mean, and doing it.

All rows change in one transaction, so a process that is killed has deleted everything or nothing. Servers are told
afterwards that the tokens have ended: nobody has these any more, whether or not that succeeds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky import hooks as bluesky
from elonara.bluesky.app_password.app_passwords import session_of
from elonara.bluesky.app_password.sessions import end_at_server
from elonara.bluesky.connections.revocation import stored_session
from elonara.bluesky.identity.identities import identity_row
from elonara.communities.models import Community, Membership, Removal
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over
from elonara.invitations.models import ON_ITS_WAY, Announcement, Correction, Invitation, State
from elonara.members import audit
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.standing import end_sessions
from elonara.personal_data import leaving

LAST_OPERATOR = gettext_noop("You are the only operator of this site. Make another member an operator first.")
BEING_WRITTEN = gettext_noop("One of your posts is being written right now. Wait a minute, then try again.")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AccountEnd:
    """What deleting an account does to what others see."""

    cancelled: list[Event] = field(default_factory=list)
    handed: list[tuple[Event, Member]] = field(default_factory=list)  # with the new host
    kept: int = 0  # events that are over or cancelled, and stay without her name
    closed: list[Community] = field(default_factory=list)
    communities_handed: list[tuple[Community, Member]] = field(default_factory=list)
    queued: int = 0  # invitations that are not sent
    standing: list[Event | Community] = field(default_factory=list)  # what posts of hers are on Bluesky for
    refusal: str = ""  # why it cannot be done now, as a sentence


def plan(member: Member) -> AccountEnd:
    """What would become of what she runs and sent. Writes nothing."""
    cancelled: list[Event] = []
    handed: list[tuple[Event, Member]] = []
    kept = 0
    for event in leaving.hosted(member).order_by("starts_at", "pk"):
        after = leaving.successor(event)
        if after is not None:
            handed.append((event, after))
        elif is_over(event) or is_cancelled(event):
            kept += 1
        else:
            cancelled.append(event)
    closed: list[Community] = []
    passed: list[tuple[Community, Member]] = []
    mine = Membership.objects.filter(member=member, role=Membership.Role.ADMIN).values("community")
    for community in Community.objects.filter(pk__in=mine, closed_at=None).order_by("name"):
        next_one = leaving.new_admin(community, member)
        if next_one is None or next_one.member is None:
            closed.append(community)
        elif next_one.role != Membership.Role.ADMIN:
            passed.append((community, next_one.member))
    queued = Invitation.objects.filter(host=member, state__in=ON_ITS_WAY).count()
    return AccountEnd(cancelled, handed, kept, closed, passed, queued, _standing(member), _refusal(member))


def delete(member: Member, by: Member, word: str = "") -> bool:
    """Delete an account with what is in it; `word`: to the guests of events that are cancelled. Raises NotAllowed.

    The caller has made sure a moment ago that the member herself presses. False where a server could not be told that
    her tokens have ended. Raises Invalid for a word that is too long.
    """
    if by.pk != member.pk:
        raise NotAllowed(_("Only you can delete your account."), "not_you")
    identity, app_password = identity_row(member.pk), session_of(member.pk)
    old = stored_session(identity) if identity is not None else None
    with transaction.atomic():
        # Of two operators who leave at once, the second sees that she is the last.
        list(Member.objects.select_for_update().filter(Q(is_superuser=True) | Q(pk=member.pk)).order_by("pk"))
        if refusal := _refusal(member):
            raise NotAllowed(refusal, "cannot_delete")
        former = leaving.former_member()
        if identity is not None:
            bluesky.on_disconnect.fire(member.pk, identity.bsky_did)
            Rsvp.objects.filter(member=None, did=identity.bsky_did).delete()
            Membership.objects.filter(member=None, did=identity.bsky_did).delete()
            # A removal holds for the account as "never again" does: else it would end with every deletion.
            Removal.objects.filter(Q(member=member) | Q(member=None, did=identity.bsky_did)).update(
                member=None, did=identity.bsky_did, name="", handle=""
            )
        leaving.leave_events(member, former, word)
        leaving.leave_communities(member, former)
        leaving.leave_invitations(member, former)
        leaving.leave_email_invitations(member, former)
        leaving.keep_opt_outs(member)
        audit.record(member, "account_deleted", member)
        end_sessions(member)
        pk = member.pk
        Member.objects.get(pk=pk).delete()
    told = end_at_server(app_password) if app_password is not None else True
    told = (old.revoke() if old is not None else True) and told
    log.info("member %s deleted the account; tokens ended at the servers: %s", pk, told)
    return told


def _refusal(member: Member) -> str:
    operators = Member.objects.filter(is_superuser=True, is_active=True, standing=Member.Standing.ACTIVE)
    if operators.filter(pk=member.pk).exists() and not operators.exclude(pk=member.pk).exists():
        return _(LAST_OPERATOR)
    for model in (Invitation, Announcement, Correction):
        if model._default_manager.filter(host=member, state=State.SENDING).exists():
            return _(BEING_WRITTEN)
    return ""


def _standing(member: Member) -> list[Event | Community]:
    """Events and communities for which posts of hers are on Bluesky."""
    of: set[tuple[int | None, int | None]] = set()
    for model in (Invitation, Announcement, Correction):
        rows = model._default_manager.filter(host=member, state=State.SENT)
        of |= set(rows.order_by().values_list("event", "community").distinct())
    events = Event.objects.filter(pk__in=[event for event, _community in of if event]).order_by("pk")
    return [
        *events,
        *Community.objects.filter(pk__in=[community for _event, community in of if community]).order_by("pk"),
    ]
