"""What the reader of an e-mail invitation does: answer, and opt out. Having the link is the proof."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations.consent import accounts, breakers
from elonara.invitations.email.eligibility import opted_out
from elonara.invitations.email.tokens import folded_hash, token_hash
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.members.models import Member

MAX_TOKEN_LENGTH = 64


def by_token(token: str, *, include_cancelled: bool = False) -> EmailInvitation | None:
    """The invitation behind `/rsvp/{token}`, None for an unknown token.

    `include_cancelled`: also one that its host cancelled. It cannot be answered, but its reader may opt out.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    rows = EmailInvitation.objects.select_related("event__community", "host__bluesky")
    rows = rows.filter(token_hash=token_hash(token))
    # Failed and queued rows count too: the mail server may have accepted the e-mail without our seeing its reply.
    return rows.first() if include_cancelled else rows.exclude(state=EmailState.CANCELLED).first()


def rsvp_of(row: EmailInvitation) -> Rsvp | None:
    """The reader's RSVP."""
    return Rsvp.objects.filter(email_invitation=row).first()


def respond(row: EmailInvitation, choice: str, name: str = "", plus_ones: int = 0, note: str = "") -> Rsvp:
    """Answer, or change the answer. Raises members.errors.NotAllowed (over, cancelled) and Invalid."""
    if not name and rsvp_of(row) is None:
        name = row.name
    rsvp = rsvps.respond(row.event, choice=choice, name=name, plus_ones=plus_ones, note=note, email_invitation=row.pk)
    EmailInvitation.objects.filter(pk=row.pk).update(answer=choice, answered_at=timezone.now())
    return rsvp


def stop(row: EmailInvitation, *, whole_site: bool = False) -> None:
    """Opt the address out, of this host or of the whole site. E-mails that are still queued end at once."""
    host: Member | None = None if whole_site else row.host
    with transaction.atomic():
        account = accounts.lock(host) if host is not None else None
        folded = folded_hash(row)
        if not EmailOptOut.objects.filter(address_hash=row.address_hash, account=account).exists():
            EmailOptOut.objects.get_or_create(
                address_hash=row.address_hash, host=host, defaults={"account": account, "folded_hash": folded}
            )
        # The mailbox behind another tag of the same address is the reader's too.
        one_mailbox = Q(address_hash=row.address_hash)
        if folded:
            one_mailbox |= Q(address_hash=folded) | Q(folded_hash=folded)
        queued = EmailInvitation.objects.filter(one_mailbox, state=EmailState.QUEUED)
        if host is not None:
            queued = queued.filter(host__in=accounts.members_of(host))
        queued.exclude(pk=row.pk).update(
            state=EmailState.SUPPRESSED, reason="opted_out_site" if whole_site else "opted_out_host", counted_on=None
        )
    breakers.after_email_opt_out(row.address_hash, host)


def stopped(row: EmailInvitation) -> bool:
    """Whether the address has opted out of this host's e-mails."""
    return bool(opted_out({row.address_hash: folded_hash(row)}, row.host))
