"""The page that reports something to the operators: an invitation, an event, or a message to guests."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.events.models import Event
from elonara.invitations import actions
from elonara.invitations.actions import Reporter
from elonara.invitations.responses.reports import MAX_TEXT, host_of
from elonara.members.models import Member
from elonara.web.rate_limits import REPORT
from elonara.web.shortcuts import show_message

HEADINGS = {
    "event": gettext_noop("Report this event"),
    "invitation": gettext_noop("Report this invitation"),
    "message": gettext_noop("Report this message"),
}


def page(request: HttpRequest, *, what: str, host: Member, back: str, send: Callable[[str], None]) -> HttpResponse:
    """GET asks what is wrong; POST reports it. `what` is a key of `HEADINGS`; `back` the path to return to."""
    text = request.POST.get("text", "").strip()
    error = ""
    if len(text) > MAX_TEXT:
        error = _("The report has {count} characters; {limit} fit.").format(count=len(text), limit=f"{MAX_TEXT:,}")
    context = {"heading": _(HEADINGS[what]), "host": host, "back": back, "text": text, "error": error}
    if request.method == "POST" and not error:
        if REPORT.passed(request):
            return REPORT.refuse(render(request, "invitation/report.html", context | {"error": REPORT.sentence}))
        send(text)
        show_message(request, _("Thank you. The operator of this site has your report."))
        return redirect(back)
    return render(request, "invitation/report.html", context)


def page_of_event(request: HttpRequest, event: Event, by: Reporter, back: str, message: str) -> HttpResponse:
    """The same for an event, or a message to its guests (its id as text). Raises Http404 for what she cannot see."""
    chosen = _id(message) if message else None
    told = by.message(event, chosen)
    if not by.sees(event) or (message and told is None):
        raise Http404
    what, host = ("message", told.by) if told else ("event", host_of(event))
    return page(
        request,
        what=what,
        host=host,
        back=back,
        send=lambda text: actions.report_event(event, by, text, chosen),
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as fault:
        raise Http404 from fault
