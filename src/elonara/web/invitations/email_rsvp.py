"""`/rsvp/{token}`: the pages behind the link in an e-mail invitation.

The token in the URL is the only credential, so no page repeats the URL, caches it or sends it as a referrer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from elonara.communities.models import Visibility
from elonara.events import location
from elonara.events.guests import rsvps
from elonara.events.queries import is_withheld
from elonara.invitations.actions import Reporter
from elonara.invitations.guest_emails.told import told_to
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader
from elonara.members.errors import Invalid, NotAllowed
from elonara.personal_data import actions
from elonara.web.invitations import reporting
from elonara.web.parts.answer_forms import RsvpForm
from elonara.web.parts.places import places_of, shown_answer
from elonara.web.parts.sharing import calendar_response, calendars
from elonara.web.rate_limits import RSVP
from elonara.web.shortcuts import GUESTS_ON_A_PAGE, add_form_errors, member_of, page_of, show_answered

type TokenView = Callable[[HttpRequest, str], HttpResponse]


def keeps_token_secret(view: TokenView) -> TokenView:
    """Response headers for pages with a token in the URL: no cache, no referrer, no search index."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        response = never_cache(view)(request, token)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


# CSRF-exempt: with `Referrer-Policy: no-referrer` browsers post `Origin: null`, which Django's check refuses. It is not
# needed either: the token authorizes the request, not the session, and another site does not know the token.
@csrf_exempt
@keeps_token_secret
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the invitation and changes nothing (mail scanners open links); POST takes the answer."""
    stopping = "stop" in request.GET
    row = email_reader.by_token(token, include_cancelled=stopping)
    if row is None:
        return unknown_link(request)
    if stopping:
        return _stop(request, row)
    if request.GET.keys() & {"data", "report"}:
        return _of_reader(request, row)
    # The calendar file of a cancelled event takes its entry out of the reader's calendar.
    if "calendar" in request.GET and (not rsvps.why_closed(row.event) or rsvps.is_only_cancelled(row.event)):
        return calendar_response(
            row.event, location.for_calendar(row.event, email_reader.rsvp_of(row, email_reader.reader_of(row)))
        )
    if rsvps.why_closed(row.event):
        return _closed(request, row)
    return _answer(request, row) if request.method == "POST" else _page(request, row, RsvpForm(event=row.event))


def _of_reader(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    """What is kept about the reader of this e-mail, as a file; or her report of the event or a message (`?report=`)."""
    if "data" in request.GET:
        found = JsonResponse(
            actions.export_for_email_invitation(row.pk), json_dumps_params={"indent": 1, "ensure_ascii": False}
        )
        found["Content-Disposition"] = 'attachment; filename="invitation.json"'
        return found
    about = request.GET["report"]
    by = Reporter(email_reader.reader_of(row), email_invitation=row.pk)
    return reporting.page_of_event(request, row.event, by, request.path, "" if about == "event" else about)


def _answer(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    form = RsvpForm(request.POST, event=row.event)
    if RSVP.passed(request):
        form.add_error(None, RSVP.sentence)
        return RSVP.refuse(_page(request, row, form))
    if form.is_valid():
        try:
            given = email_reader.respond(row, name=form.cleaned_data["name"], **form.values(), online=form.online())
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        except NotAllowed as fault:
            form.add_error(None, fault.sentence)
        else:
            show_answered(request, row.event, given, form.cleaned_data["seen"])
            return redirect(request.path)
    return _page(request, row, form, status=400)


@csrf_exempt  # as above; and mail programs post here for one-click unsubscribe (RFC 8058)
@keeps_token_secret
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Opt out of e-mail invitations: of this host, or of the whole site."""
    row = email_reader.by_token(token, include_cancelled=True)
    return unknown_link(request) if row is None else _stop(request, row)


def _page(request: HttpRequest, row: EmailInvitation, form: RsvpForm, *, status: int = 200) -> HttpResponse:
    event, reader = row.event, email_reader.reader_of(row)
    mine = email_reader.rsvp_of(row, reader)
    context = {
        "place": location.where(event, mine),
        "row": row,
        "host": row.host,
        "host_identity": getattr(row.host, "bluesky", None),
        "event": event,
        "mine": mine,
        "answer": shown_answer(mine, event),
        "guests": rsvps.visible_list(event, answered=mine, page=page_of(request), page_size=GUESTS_ON_A_PAGE),
        "form": form,
        "questions": form.shown(mine),
        "public": event.visibility == Visibility.PUBLIC,
        "member": member_of(request),
        "reader": reader,
        "online_link": location.link(event, mine),
        "calendars": calendars(event, location.for_calendar(event, mine)),
        "told": told_to(reader, email_invitation=row.pk, event=event),
        "places": places_of(row.event, mine),
    }
    return render(request, "rsvp/show.html", context, status=status)


def _closed(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    """410: the event is over or cancelled. The page of a private or hidden event shows no details of it any more."""
    public = row.event.visibility == Visibility.PUBLIC and not is_withheld(row.event)
    context = {"row": row, "event": row.event if public else None, "closed": rsvps.why_closed(row.event)}
    return render(request, "rsvp/closed.html", context, status=410)


def unknown_link(request: HttpRequest, page: str = "rsvp/unknown.html") -> HttpResponse:
    """404 for a token that is none: `page` is shown with `unknown`. 429 for who tries many."""
    # Tokens are too long to guess; the limit keeps programs from trying anyway.
    if RSVP.passed(request):
        return RSVP.refuse(render(request, "429.html", {"sentence": RSVP.sentence, "back": "/"}))
    return render(request, page, {"unknown": True}, status=404)


def _stop(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    who = request.POST.get("who") or request.GET.get("stop") or request.GET.get("who")
    whole_site = who == "site"
    done = request.method == "POST"
    if done:
        email_reader.stop(row, whole_site=whole_site)
    context = {"row": row, "whole_site": whole_site, "done": done or (not whole_site and email_reader.stopped(row))}
    return render(request, "rsvp/stop.html", context)
