"""Manage → Invite → By e-mail: enter addresses, preview the e-mail, send, and see the state of each invitation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_POST

from elonara.events.models import Event
from elonara.invitations import queries, reasons
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import views as email_views
from elonara.invitations.email.eligibility import unavailable, unproven
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.web.rate_limits import ADDRESSES
from elonara.web.shortcuts import members_only, show_message, the_member

MAX_TEXT_LENGTH = 20_000  # characters of addresses; a hundred take far less
DONE = {"retry": gettext_noop("The e-mail is queued again."), "cancel": gettext_noop("The e-mail is cancelled.")}


def page(request: HttpRequest, event: Event, frame: dict[str, Any]) -> HttpResponse:
    """Enter addresses, preview, send. What was typed is shown again whenever something is refused."""
    if request.method != "POST":
        return _page(request, event, frame)
    text = request.POST.get("addresses", "")[:MAX_TEXT_LENGTH]
    note = request.POST.get("note", "").replace("\r\n", "\n").strip()
    typed: dict[str, Any] = {"addresses": text, "note": note}
    if ADDRESSES.passed(request):
        return ADDRESSES.refuse(_page(request, event, frame, **typed, sentence=ADDRESSES.sentence))
    try:
        if request.POST.get("go") != "send":
            plan = email_inviting.preview(the_member(request), event, text, note)
            return _page(request, event, frame, **typed, plan=plan)
        sent = email_inviting.invite(the_member(request), event, text, note, request.POST.get("shown", ""))
    except InvitationRefused as fault:
        if fault.code == "preview_changed":
            typed["plan"] = email_inviting.preview(the_member(request), event, text, note)
        return _page(request, event, frame, **typed, fault=fault, sentence=f"{fault.sentence} {fault.way_on}".strip())
    if sent.queued:
        if sent.later:
            said = ngettext(
                "{count} e-mail is on the way: {schedule}.", "{count} e-mails are on the way: {schedule}.", sent.queued
            ).format(count=sent.queued, schedule=sent.schedule)
        else:
            said = ngettext("{count} e-mail is on the way.", "{count} e-mails are on the way.", sent.queued).format(
                count=sent.queued
            )
        show_message(request, said)
    for one in sent.left_out:
        show_message(request, f"{one.text}: {one.why.sentence}", "warn")
    return redirect(f"{frame['base']}?tab=invite&step=email")


@members_only
@require_POST
def act(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """Cancel a queued e-mail invitation, or retry a failed one."""
    row = email_views.invitation_for(the_member(request), pk)
    if row is None or what not in DONE:
        raise Http404
    try:
        if what == "retry":
            email_inviting.retry(row, the_member(request), request.POST.get("shown", ""))
        else:
            email_inviting.cancel(row, the_member(request))
    except InvitationRefused as fault:
        show_message(request, f"{fault.sentence} {fault.way_on}".strip(), "bad")
    else:
        show_message(request, _(DONE[what]))
    return redirect(f"/events/{row.event.slug}/manage?tab=invite&step=email")


def _page(request: HttpRequest, event: Event, frame: dict[str, Any], **context: Any) -> HttpResponse:
    plan, fault = context.get("plan"), context.get("fault")
    context |= {
        "unavailable": unavailable() or unproven(the_member(request)),
        "over": reasons.sentence(Target(event).over()),
        "rows": email_views.views(event, the_member(request)),
        "caps": queries.caps_left(the_member(request)),
        "field": getattr(fault, "field_name", ""),
        "schedule": plan.schedule if plan and plan.later else "",
        "invited": event.invitations.exists(),
    }
    return render(request, "invite/email.html", frame | context, status=400 if context.get("sentence") else 200)
