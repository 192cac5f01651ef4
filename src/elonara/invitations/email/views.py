"""The e-mail invitations of an event as its hosts see them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.email.eligibility import REQUEUEABLE_STATES
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
    letter: EmailPreview | None = None  # where it can be sent again: what would leave now


def views(event: Event, by: Member) -> list[EmailInvitationView]:
    """The e-mail invitations of an event, newest first. Raises InvitationRefused for who may not invite to it."""
    if not Target(event).may_invite(by):
        raise InvitationRefused("not_allowed")
    return [_view(row) for row in event.email_invitations.select_related("event", "host").order_by("-created_at", "pk")]


def invitation_for(by: Member, pk: uuid.UUID) -> EmailInvitation | None:
    """An e-mail invitation that this member may act on, by its id."""
    row = EmailInvitation.objects.select_related("event__community", "host").filter(pk=pk).first()
    return row if row is not None and Target(row.event).may_invite(by) else None


def _view(row: EmailInvitation) -> EmailInvitationView:
    try:
        address = address_of(row)
    except CannotUnseal:
        address = ""
    queued = row.state == EmailState.QUEUED
    can = _can(row)
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
        letter=preview_of(row) if "retry" in can else None,
    )


def _can(row: EmailInvitation) -> tuple[str, ...]:
    if row.state == EmailState.QUEUED:
        return ("cancel",)
    requeueable = row.state in REQUEUEABLE_STATES and row.token_enc and row.reason not in OPT_OUT_REASONS
    return ("retry",) if requeueable and not Target(row.event).over() else ()
