"""What the reader of an e-mail invitation does: answer, and opt out. Having the link is the proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q

from elonara.events.guests import adoption, rsvps
from elonara.events.models import Rsvp
from elonara.invitations.consent import accounts, breakers
from elonara.invitations.consent.opt_outs import addresses_opted_out
from elonara.invitations.email.tokens import folded_hash, owner_of, token_hash
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

MAX_TOKEN_LENGTH = 64


def by_token(token: str, *, include_cancelled: bool = False) -> EmailInvitation | None:
    """The invitation behind `/rsvp/{token}`, None for an unknown token.

    `include_cancelled`: also one that its host cancelled. It cannot be answered, but its reader may opt out.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    rows = EmailInvitation.objects.select_related("event__community", "host__bluesky")
    digest = token_hash(token)
    found = rows.filter(token_hash=digest)
    if not found.exists():  # every later e-mail to the same person has a link of its own
        found = rows.filter(guest_messages__token_hash=digest)
    rows = found
    # Failed and queued rows count too: the mail server may have accepted the e-mail without our seeing its reply.
    return rows.first() if include_cancelled else rows.exclude(state=EmailState.CANCELLED).first()


def reader_of(row: EmailInvitation) -> Member | None:
    """The member who reads it: she has verified its address. None for somebody who is known by the link alone."""
    try:
        return owner_of(row)
    except CannotUnseal:
        return None


def answers_as(row: EmailInvitation, reader: Member | None) -> UUID | None:
    """The invitation to which the reader's answer belongs: this one.

    None where that answer is another member's than hers: of two who have verified the address, or whom a host has
    taken for one.
    """
    if reader is None:
        return row.pk
    owner = Rsvp.objects.filter(email_invitation=row).values_list("member", flat=True).first()
    return row.pk if owner in (None, reader.pk) else None


def rsvp_of(row: EmailInvitation, reader: Member | None) -> Rsvp | None:
    """The answer of the reader (`reader_of`), which a member may have given elsewhere on the site."""
    known = answers_as(row, reader)
    by_link = Rsvp.objects.filter(email_invitation=known).first() if known is not None else None
    return by_link if by_link is not None or reader is None else rsvps.rsvp_of(row.event, reader)


def respond(
    row: EmailInvitation,
    choice: str,
    name: str = "",
    plus_ones: int | None = None,
    note: str | None = None,
    *,
    answers: Mapping[str, Any] | None = None,
    online: bool = False,
) -> Rsvp:
    """Answer, or change the answer: a member's own, where the address is hers.

    Raises members.errors.NotAllowed (over, cancelled) and Invalid.
    """
    reader = reader_of(row)
    known = answers_as(row, reader)
    if reader is not None and known is not None:
        adoption.adopt_emailed(reader, [known])
    elif not name and rsvp_of(row, None) is None:
        name = row.name
    return rsvps.respond(
        row.event, choice=choice, member=reader, name=name, plus_ones=plus_ones, note=note, answers=answers,
        online=online, invited=True, email_invitation=known,
    )  # fmt: skip


def address_verified(sender: Any, email_address: EmailAddress, **_: Any) -> None:  # noqa: ARG001
    """A listener: a member has verified an address, so what was answered by e-mails to it is hers."""
    rows = EmailInvitation.objects.filter(address_hash=hash_of(email_address.email)).exclude(answer="")
    adoption.adopt_emailed(email_address.user, list(rows.values_list("pk", flat=True)))


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
    return bool(addresses_opted_out({row.address_hash: folded_hash(row)}, row.host))
