"""The answers of somebody without an account, deleted when she asks for it, and not only some time after the event."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from elonara.bluesky.models import MemberIdentity
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_over
from elonara.invitations.models import Invitation
from elonara.members.errors import NotAllowed


def delete(did: str) -> None:
    """Delete the answers of this DID, which the caller has seen proved; places that become free go to who waits.

    What she was told goes, too. Who was declined stays declined, and her opt-outs stay. Raises NotAllowed where a
    member has this DID: a member deletes her account.
    """
    if MemberIdentity.objects.filter(bsky_did=did).exists():
        raise NotAllowed(_("This Bluesky account belongs to an account here: sign in to delete that."), "has_account")
    mine = Rsvp.objects.filter(member=None, did=did)
    with transaction.atomic():
        for event in Event.objects.filter(pk__in=mine.values("event")).order_by("pk"):
            if not is_over(event):
                rsvps.withdraw(event, did=did)
        mine.filter(refused_at=None).delete()
        GuestMessage.objects.filter(member=None, did=did).delete()
        Invitation.objects.filter(invitee_did=did).update(answer="", answered_at=None, opened_at=None)
