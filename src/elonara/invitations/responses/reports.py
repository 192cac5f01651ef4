"""What an operator does with a report. Hiding and suspending are actions of events, communities and members."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations.models import Report
from elonara.members import audit
from elonara.members.models import Member
from elonara.members.standing import require_operator


def handle_report(report: Report, by: Member) -> None:
    """Mark a report as handled; who did it stands in the audit log. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        if Report.objects.filter(pk=report.pk, handled_at=None).update(handled_at=timezone.now()):
            audit.record(by, "report_handled", f"report {report.pk}")


def hide_reported(report: Report, by: Member, note: str = "") -> None:
    """Hide the event or the community that the reported invitation is to. Raises NotAllowed."""
    invitation = report.invitation
    if invitation.event is not None:
        events.hide(invitation.event, by, note)
    elif invitation.community is not None:
        communities.hide(invitation.community, by, note)


def unhide_reported(report: Report, by: Member, note: str = "") -> None:
    """Show it again. Raises NotAllowed."""
    invitation = report.invitation
    if invitation.event is not None:
        events.unhide(invitation.event, by, note)
    elif invitation.community is not None:
        communities.unhide(invitation.community, by, note)
