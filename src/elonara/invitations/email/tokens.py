"""The secrets of an e-mail invitation: the token of its link and the address it goes to, sealed in the row.

The link carries a random token of which the row keeps a hash (`token_hash`), so the database cannot be turned into
links. The token itself is sealed for the time until the e-mail has left, the address until the event is over.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.utils import timezone

from elonara import counters
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.invitations.email.addresses import folded_hash_of
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.locks import Lease
from elonara.sealing import seal, unseal

TOKEN_BYTES = 24  # 192 random bits


def address_of(row: EmailInvitation) -> str:
    """The address, "" once it was deleted. Raises CannotUnseal."""
    return _open(row.address_enc, "address_enc", row.pk)


def folded_hash(row: EmailInvitation) -> str:
    """The hash of the address without its `+tag`; "" where an older release stored none and the address is gone."""
    if row.folded_hash or not row.address_enc:
        return row.folded_hash
    return folded_hash_of(address_of(row))


def token_of(row: EmailInvitation) -> str:
    """The token, "" once the e-mail has left. Raises CannotUnseal."""
    return _open(row.token_enc, "token_enc", row.pk)


def token_hash(token: str) -> str:
    """How a token is stored. It is random, so an unkeyed hash reveals nothing about it."""
    return hashlib.sha256(token.encode()).hexdigest()


def seal_into(row: EmailInvitation, address: str) -> None:
    """Seal the address and a new token into the row, in memory."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row.folded_hash = folded_hash_of(address)
    row.address_enc = seal(address, column="address_enc", row=row.pk, did="")
    row.token_enc = seal(token, column="token_enc", row=row.pk, did="")
    row.token_hash = token_hash(token)


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
    return kept.filter(event__in=over).update(address_enc="", token_enc="")


def _open(sealed: str, column: str, row: uuid.UUID) -> str:
    return unseal(sealed, column=column, row=row, did="").reveal() if sealed else ""
