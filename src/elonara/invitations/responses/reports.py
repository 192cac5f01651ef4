"""Reports of events and messages, and what an operator does with a report. Those of invitations: `invitee`.

Hiding and suspending are actions of events, communities and members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities import actions as communities
from elonara.communities.models import Community
from elonara.events import actions as events
from elonara.events import queries
from elonara.events.messages.models import TOLD, GuestMessage, HostMessage
from elonara.events.messages.readers import of_viewer
from elonara.events.models import Event, EventHost
from elonara.invitations.models import EmailInvitation
from elonara.invitations.opt_out_models import Report
from elonara.members import audit
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.notices import notify
from elonara.members.standing import require_operator

MAX_TEXT: Final = 1000  # characters
MAX_REPORTS_BY_STRANGERS: Final = 5  # open reports about one thing by people of whom nothing is known


@dataclass(frozen=True)
class Reporter:
    """Who reports: a member, somebody who proved DIDs, the reader of an e-mail invitation (its id), or a stranger."""

    member: Member | None = None
    dids: tuple[str, ...] = ()
    email_invitation: UUID | None = None
    invited: bool = False  # the caller has seen an invitation to the event for one of the DIDs

    def sees(self, event: Event) -> bool:
        """Whether the event's page is open to her."""
        if queries.may_see(event, self.member, self.dids) or (self.member and queries.may_invite(event, self.member)):
            return True
        if event.hidden_at is not None or self.email_invitation is None:
            return self.invited and event.hidden_at is None
        return EmailInvitation.objects.filter(pk=self.email_invitation, event=event).exists()

    def message(self, event: Event, pk: UUID | None) -> HostMessage | None:
        """The message of this id, where she was told it; None where there is none to her."""
        mine = of_viewer(self.member.pk if self.member else None, list(self.dids), self.email_invitation)
        told = GuestMessage.objects.filter(mine, event=event, state__in=TOLD).values("host_message")
        return HostMessage.objects.filter(pk=pk, pk__in=told).first() if pk is not None else None


def report_event(event: Event, by: Reporter, text: str, message: UUID | None = None) -> None:
    """Report an event, or a message to its guests, to the operators. Raises NotAllowed for what she cannot see.

    Somebody who is known has one open report about one thing, which a later one replaces. Of strangers, who may all be
    one person, `MAX_REPORTS_BY_STRANGERS` are kept open.
    """
    if not by.sees(event):
        raise NotAllowed(_("This event does not exist, or you may not see it."), "private")
    told = by.message(event, message)
    if message is not None and told is None:
        raise NotAllowed(_("This message does not exist, or was not sent to you."), "no_message")
    did, text = next(iter(by.dids), ""), text.strip()[:MAX_TEXT]
    with transaction.atomic():
        Event.objects.select_for_update().get(pk=event.pk)
        still_open = Report.objects.filter(event=event, message=told, handled_at=None)
        if by.member is not None or did:
            hers = Q(reporter=by.member) if by.member is not None else Q(reporter=None, reporter_did=did)
            if still_open.filter(hers).update(text=text, created_at=timezone.now()):
                return
        elif still_open.filter(reporter=None, reporter_did="").count() >= MAX_REPORTS_BY_STRANGERS:
            return
        Report.objects.create(
            event=event, message=told, reporter=by.member, reporter_did="" if by.member else did, text=text
        )
    said = _("Someone reported a message of {host}.") if told else _("Someone reported an event of {host}.")
    tell_operators(said.format(host=host_of(event).name))


def tell_operators(sentence: str) -> None:
    """Leave a notice for every operator that there is a new report."""
    for operator in Member.objects.filter(is_superuser=True, is_active=True):
        notify(operator, "report", sentence, f"{settings.ELONARA.site.url.rstrip('/')}/admin/elonara/report/")


def reported(report: Report) -> Event | Community:
    """The event or the community that a report is about. Raises ValueError where there is neither, which cannot be."""
    of = report.event if report.invitation is None else report.invitation.event or report.invitation.community
    if of is None:
        raise ValueError("a report about nothing")
    return of


def reported_host(report: Report) -> Member:
    """Who invited, wrote or hosts."""
    if report.invitation is not None:
        return report.invitation.host
    if report.message is not None:
        return report.message.by
    return host_of(reported(report))


def host_of(of: Event | Community) -> Member:
    """The host of an event; of a community who made it."""
    if isinstance(of, Event):
        rows = EventHost.objects.select_related("member").filter(event=of, role=EventHost.Role.HOST)
        if (first := rows.first()) is not None:
            return first.member
    return of.created_by


def handle_report(report: Report, by: Member) -> None:
    """Mark a report as handled; who did it stands in the audit log. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        if Report.objects.filter(pk=report.pk, handled_at=None).update(handled_at=timezone.now()):
            audit.record(by, "report_handled", f"report {report.pk}")


def hide_reported(report: Report, by: Member, note: str = "") -> None:
    """Hide the event or the community that the report is about. Raises NotAllowed."""
    of = reported(report)
    if isinstance(of, Event):
        events.hide(of, by, note)
    else:
        communities.hide(of, by, note)


def unhide_reported(report: Report, by: Member, note: str = "") -> None:
    """Show it again. Raises NotAllowed."""
    of = reported(report)
    if isinstance(of, Event):
        events.unhide(of, by, note)
    else:
        communities.unhide(of, by, note)
