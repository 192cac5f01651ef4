"""What the reader of a letter does: answer, and say no more letters. Holding the link is the proof."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations.consent import breakers
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.models import EmailInvitation, EmailOptOut, EmailState
from elonara.members.models import Member

MAX_TOKEN_LENGTH = 64


def by_token(token: str, *, taken_back: bool = False) -> EmailInvitation | None:
    """The invitation behind `/rsvp/{token}`, None for a link that never was.

    One that its host took back counts with `taken_back` alone: nobody answers it, but whoever has it may say stop.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    rows = EmailInvitation.objects.select_related("event__community", "host__bluesky")
    rows = rows.filter(token_hash=email_inviting.token_hash(token))
    # A letter that is said not to have left may be in a mailbox already: the mail server took it and did not say so.
    return rows.first() if taken_back else rows.exclude(state=EmailState.CANCELLED).first()


def rsvp_of(row: EmailInvitation) -> Rsvp | None:
    """What the reader answered."""
    return Rsvp.objects.filter(email_invitation=row).first()


def respond(row: EmailInvitation, choice: str, name: str = "", plus_ones: int = 0, note: str = "") -> Rsvp:
    """Answer, or answer anew. Raises members.errors.NotAllowed (over, cancelled) and Invalid."""
    if not name and rsvp_of(row) is None:
        name = row.name
    given = rsvps.respond(row.event, choice=choice, name=name, plus_ones=plus_ones, note=note, email_invitation=row.pk)
    EmailInvitation.objects.filter(pk=row.pk).update(answer=choice, answered_at=timezone.now())
    return given


def stop(row: EmailInvitation, *, whole_site: bool = False) -> None:
    """No more letters to this address, from this host or from anybody here. What is still to go ends at once."""
    host: Member | None = None if whole_site else row.host
    with transaction.atomic():
        EmailOptOut.objects.get_or_create(address_hash=row.address_hash, host=host)
        waiting = EmailInvitation.objects.filter(address_hash=row.address_hash, state=EmailState.QUEUED)
        if host is not None:
            waiting = waiting.filter(host=host)
        waiting.exclude(pk=row.pk).update(
            state=EmailState.SUPPRESSED, reason="opted_out_site" if whole_site else "opted_out_host", counted_on=None
        )
    breakers.after_email_opt_out(row.address_hash, host)


def stopped(row: EmailInvitation) -> bool:
    """Whether this host may write to the address no more."""
    return bool(email_inviting.opted_out([row.address_hash], row.host))
