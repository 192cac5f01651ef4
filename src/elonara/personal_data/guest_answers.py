"""The answers of somebody without an account, deleted when she asks for it, and not only some time after the event."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.communities import memberships
from elonara.communities.models import Community, Membership
from elonara.events.guests import places
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event, Rsvp
from elonara.invitations.models import EmailInvitation, Invitation
from elonara.invitations.responses.requeue import FINAL_ANSWERS
from elonara.members.errors import NotAllowed


def delete(did: str) -> None:
    """Delete the answers of this DID, which the caller has seen proved, and end its memberships.

    Places that become free go to who waits. What keeps somebody from being asked again stays: that she said no, that
    hosts declined her (without what she wrote), and her opt-outs. Raises NotAllowed where a member has this DID: a
    member deletes her account.
    """
    mine = Rsvp.objects.filter(member=None, did=did)
    with transaction.atomic():
        for event in Event.objects.filter(pk__in=mine.values("event")).order_by("pk"):
            locked = places.lock(event)
            _delete_rows(mine.filter(event=event))
            places.fill(locked)
        for community in Community.objects.filter(pk__in=_memberships(did).values("community")).order_by("pk"):
            memberships.lock(community)
            _memberships(did).filter(community=community).delete()
        GuestMessage.objects.filter(member=None, did=did).delete()
        # An answer that was sent and never proved. Those with tokens end by revoking them (`housekeeping/cleanup.py`).
        begun = AuthorizationRequest.objects.filter(member=None, expected_did=did)
        begun.exclude(payload__has_key="tokens").delete()
        kept = Invitation.objects.filter(invitee_did=did).exclude(answer__in=FINAL_ANSWERS)
        kept.update(answer="", answered_at=None, opened_at=None)
        # The last step: whoever links the DID meanwhile has taken the answers along, and this takes nothing.
        if MemberIdentity.objects.filter(bsky_did=did).exists():
            raise NotAllowed(
                _("This Bluesky account belongs to an account here: sign in to delete that."), "has_account"
            )


def _memberships(did: str) -> QuerySet[Membership]:
    return Membership.objects.filter(member=None, did=did)


def _delete_rows(rows: QuerySet[Rsvp]) -> None:
    # A host may have merged her with somebody whom she had invited by e-mail.
    emails: QuerySet[Any, Any] = rows.filter(email_invitation__isnull=False).values("email_invitation")
    EmailInvitation.objects.filter(pk__in=emails).update(answer="", answered_at=None)
    rows.filter(refused_at=None).delete()
    for declined in rows:
        declined.given_answers.all().delete()
    rows.update(note="", name="", plus_ones=0, choice=Rsvp.Choice.CANT)
