"""The e-mail invitations of an event as its hosts see them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.consent.one_person import REQUEUEABLE_EMAIL_STATES
from elonara.invitations.consent.opt_outs import addresses_opted_out
from elonara.invitations.email.eligibility import unavailable, unproven
from elonara.invitations.email.message import EmailPreview, preview_of
from elonara.invitations.email.tokens import address_of
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

OPT_OUT_REASONS = frozenset({"opted_out_host", "opted_out_site"})


@dataclass(frozen=True)
class EmailInvitationView:
    """One e-mail invitation as its host sees it. `can`: retry, cancel."""

    id: uuid.UUID
    address: str  # "" once it was deleted
    name: str
    state: str
    reason: reasons.Reason | None
    sent_at: dt.datetime | None
    due_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
    can: tuple[str, ...]
    message: EmailPreview | None = None  # where it can be sent again: what would leave now


def views(event: Event, by: Member) -> list[EmailInvitationView]:
    """The e-mail invitations of an event, newest first. Raises InvitationRefused for who may not invite to it."""
    if not Target(event).may_invite(by):
        raise InvitationRefused("not_allowed")
    rows = list(event.email_invitations.select_related("event", "host").order_by("-created_at", "pk"))
    may_send = not (Target(event).over() or unavailable() or unproven(by))
    unwanted: set[str] = set()
    for host in {row.host for row in rows}:
        hashes = {row.address_hash: row.folded_hash for row in rows if row.host_id == host.pk}
        unwanted |= addresses_opted_out(hashes, host).keys()
    return [_view(row, may_send=may_send and row.address_hash not in unwanted) for row in rows]


def invitation_for(by: Member, pk: uuid.UUID) -> EmailInvitation | None:
    """An e-mail invitation that this member may act on, by its id."""
    row = EmailInvitation.objects.select_related("event__community", "host").filter(pk=pk).first()
    return row if row is not None and Target(row.event).may_invite(by) else None


def _view(row: EmailInvitation, *, may_send: bool) -> EmailInvitationView:
    try:
        address = address_of(row)
    except CannotUnseal:
        address = ""
    queued = row.state == EmailState.QUEUED
    can = _can(row, may_send=may_send)
    return EmailInvitationView(
        id=row.pk,
        address=address,
        name=row.name,
        state=row.state,
        reason=reasons.reason(row.reason) if row.reason else None,
        sent_at=row.sent_at,
        due_at=row.due_at if queued else None,
        answer=row.answer,
        answered_at=row.answered_at,
        can=can,
        message=preview_of(row) if "retry" in can else None,
    )


def _can(row: EmailInvitation, *, may_send: bool) -> tuple[str, ...]:
    if row.state == EmailState.QUEUED:
        return ("cancel",)
    requeueable = row.state in REQUEUEABLE_EMAIL_STATES and row.token_enc and row.reason not in OPT_OUT_REASONS
    return ("retry",) if requeueable and may_send else ()
