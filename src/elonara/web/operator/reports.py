"""The operator's page of one report, with what she can do about it, and the audit log of what operators did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from elonara.invitations import actions, queries
from elonara.invitations.opt_out_models import Report
from elonara.invitations.responses.reports import reported, reported_host
from elonara.invitations.targets import Target
from elonara.members import actions as members
from elonara.members import audit
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Member
from elonara.web.operator.admin import ReadOnlyAdmin


def _suspend(report: Report, by: Member, _note: str) -> None:
    members.suspend(reported_host(report), by)


def _reinstate(report: Report, by: Member, _note: str) -> None:
    members.approve(reported_host(report), by)


def _handled(report: Report, by: Member, _note: str) -> None:
    actions.handle_report(report, by)


ACTS: Final[dict[str, tuple[Callable[[Report, Member, str], None], str]]] = {
    "hide": (
        actions.hide_reported,
        gettext_noop("It is hidden. Invitations to it that were not sent yet are stopped."),
    ),
    "unhide": (actions.unhide_reported, gettext_noop("It is shown again.")),
    "suspend": (_suspend, gettext_noop("The host is suspended.")),
    "reinstate": (_reinstate, gettext_noop("The host is reinstated.")),
    "handled": (_handled, gettext_noop("Marked as handled.")),
}


class ReportAdmin(ReadOnlyAdmin):
    """Reports of invitations, events and messages to guests."""

    list_display = ("created_at", "about", "reporter_did", "text", "handled_at")
    list_filter = (("handled_at", admin.EmptyFieldListFilter),)
    list_select_related = ("invitation__event", "invitation__community", "event")
    actions = ("handled",)

    @admin.display(description=gettext_lazy("about"))
    def about(self, report: Report) -> str:
        """What was reported, and of which event or community."""
        if report.invitation_id:
            text = _("invitation: {name}")
        else:
            text = _("message: {name}") if report.message_id else _("event: {name}")
        return text.format(name=reported(report))

    @admin.action(description=gettext_lazy("Mark as handled"))
    def handled(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        """Mark the chosen reports as handled."""
        try:
            for report in queryset:
                actions.handle_report(report, cast("Member", request.user))
        except NotAllowed as fault:
            self.message_user(request, fault.sentence, messages.ERROR)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002  # Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """GET: what was reported. POST: hide it, suspend the host, or mark the report as handled."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Report.objects.select_related(
            "invitation__host__bluesky", "invitation__batch", "invitation__event", "invitation__community", "event",
            "message__by", "reporter",
        )  # fmt: skip
        report = get_object_or_404(rows, pk=object_id if object_id.isdecimal() else 0)
        if request.method == "POST":
            self._act(request, report)
            return HttpResponseRedirect(request.path)
        target, host = Target(reported(report)), reported_host(report)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Report"),
            "report": report,
            "invitation": report.invitation,
            "host": host,
            "identity": getattr(host, "bluesky", None),
            "target": target,
            "posts": queries.on_bluesky(target.of).in_words,
            "is_suspended": host.standing == Member.Standing.SUSPENDED,
        }
        return render(request, "admin/report.html", context)

    def _act(self, request: HttpRequest, report: Report) -> None:
        act, done = ACTS.get(request.POST.get("act", ""), (None, ""))
        if act is None:
            return
        try:
            act(report, cast("Member", request.user), request.POST.get("note", ""))
        except NotAllowed as fault:
            self.message_user(request, fault.sentence, messages.ERROR)
        else:
            self.message_user(request, _(done))


class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log, which nobody changes."""

    list_display = ("at", "who", "did", "subject", "note")
    list_filter = ("what",)
    search_fields = ("who", "subject", "note")
    fields = ("at", "who", "did", "subject", "note")

    @admin.display(description=gettext_lazy("what"), ordering="what")
    def did(self, entry: AuditEntry) -> str:
        """What was done, in words."""
        return _(audit.WORDS.get(entry.what, entry.what))


def register(site: admin.AdminSite) -> None:
    """Add both to the admin."""
    site.register(Report, ReportAdmin)
    site.register(AuditEntry, AuditEntryAdmin)
