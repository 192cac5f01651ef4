"""The secrets of an e-mail invitation: the token of its link and the address it goes to, sealed in the row.

The link carries a random token of which the row keeps a hash (`token_hash`), so the database cannot be turned into
links. The token itself is sealed for the time until the e-mail has left, the address until the event is over.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid

from django.db.models import BooleanField, Exists, OuterRef
from django.db.models.expressions import RawSQL
from django.utils import timezone

from elonara import counters
from elonara.events import queries as events
from elonara.events.messages.models import UNSENT, GuestMessage
from elonara.events.models import Event
from elonara.invitations.consent import one_person
from elonara.invitations.email_addresses import folded_hash_of
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.locks import Lease
from elonara.members.models import Member
from elonara.sealing import seal, unseal

TOKEN_BYTES = 24  # 192 random bits


def address_of(row: EmailInvitation) -> str:
    """The address, "" once it was deleted. Raises CannotUnseal."""
    return opened(row.address_enc, "address_enc", row.pk)


def folded_hash(row: EmailInvitation) -> str:
    """The hash of the address without its `+tag`; "" where an older release stored none and the address is gone."""
    if row.folded_hash or not row.address_enc:
        return row.folded_hash
    return folded_hash_of(address_of(row))


def owner_of(row: EmailInvitation) -> Member | None:
    """The member who has verified the address; None where nobody has or it was deleted. Raises CannotUnseal."""
    address = address_of(row)
    return one_person.owners([address]).get(row.address_hash) if address else None


def token_of(row: EmailInvitation) -> str:
    """The token, "" once the e-mail has left. Raises CannotUnseal."""
    return opened(row.token_enc, "token_enc", row.pk)


def token_hash(token: str) -> str:
    """How a token is stored. It is random, so an unkeyed hash reveals nothing about it."""
    return hashlib.sha256(token.encode()).hexdigest()


def seal_into(row: EmailInvitation, address: str) -> None:
    """Seal the address and a new token into the row, in memory."""
    row.folded_hash = folded_hash_of(address)
    row.address_enc = seal(address, column="address_enc", row=row.pk, did="")
    _, row.token_hash, row.token_enc = new_token(row.pk)


def new_token(row: uuid.UUID) -> tuple[str, str, str]:
    """A token, its hash, and the token sealed for the column `token_enc` of this row."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, token_hash(token), seal(token, column="token_enc", row=row, did="")


def mark_sent(lease: Lease) -> None:
    """The mail server accepted the e-mail: delete the token, which from now on only its reader has."""
    if lease.update(state=EmailState.SENT, sent_at=timezone.now(), reason="", token_enc=""):
        counters.of_this_process.outcome("email_invitation", str(EmailState.SENT))


def forget_past() -> int:
    """Delete the addresses and tokens of events that are over or cancelled. Returns how many."""
    # Written out as in the index of the rows that have an address: SQLite does not use it for a parameter.
    has_address = RawSQL("address_enc > ''", (), BooleanField())
    kept = EmailInvitation.objects.filter(has_address)
    started = Event.objects.filter(pk__in=kept.values("event"))
    over = [event.pk for event in started if events.is_cancelled(event) or events.is_over(event)]
    kept.filter(event__in=over, state=EmailState.QUEUED).update(state=EmailState.CANCELLED, reason="event_over")
    # An e-mail that says so has to leave first; it does within a day, or ends.
    told = GuestMessage.objects.filter(email_invitation=OuterRef("pk"), state__in=UNSENT)
    return kept.filter(~Exists(told), event__in=over).update(address_enc="", token_enc="")


def opened(sealed: str, column: str, row: uuid.UUID) -> str:
    """What is sealed in this column of this row, "" where nothing is. Raises CannotUnseal."""
    return unseal(sealed, column=column, row=row, did="").reveal() if sealed else ""
