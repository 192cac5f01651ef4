"""`/rsvp/{token}`: the pages behind the link in an e-mail invitation.

The token in the URL is the only credential, so no page repeats the URL, caches it or sends it as a referrer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from elonara.communities.models import Visibility
from elonara.events import calendar_file
from elonara.events.guests import rsvps
from elonara.events.queries import is_withheld
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.invitations.pending_actions import DONE
from elonara.web.parts.answer_forms import RsvpForm
from elonara.web.rate_limits import RSVP
from elonara.web.shortcuts import add_form_errors, member_of, options, show_message

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
        return _unknown(request)
    if stopping:
        return _stop(request, row)
    if rsvps.why_closed(row.event):
        return _closed(request, row)
    if "calendar" in request.GET:
        return _calendar(row)
    return _answer(request, row) if request.method == "POST" else _page(request, row, RsvpForm())


def _answer(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    form = RsvpForm(request.POST)
    if RSVP.passed(request):
        form.add_error(None, RSVP.sentence)
        return RSVP.refuse(_page(request, row, form))
    if form.is_valid():
        values = form.cleaned_data
        try:
            email_reader.respond(row, values["answer"], values["name"], values["plus_ones"] or 0, values["note"])
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        except NotAllowed as fault:
            form.add_error(None, fault.sentence)
        else:
            show_message(request, DONE[values["answer"]])
            return redirect(request.path)
    return _page(request, row, form, status=400)


@csrf_exempt  # as above; and mail programs post here for one-click unsubscribe (RFC 8058)
@keeps_token_secret
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Opt out of e-mail invitations: of this host, or of the whole site."""
    row = email_reader.by_token(token, include_cancelled=True)
    return _unknown(request) if row is None else _stop(request, row)


def _page(request: HttpRequest, row: EmailInvitation, form: RsvpForm, *, status: int = 200) -> HttpResponse:
    event, mine = row.event, email_reader.rsvp_of(row)
    context = {
        "row": row,
        "host": row.host,
        "host_identity": getattr(row.host, "bluesky", None),
        "event": event,
        "mine": mine,
        "answer": mine.choice if mine else "",
        "guests": rsvps.guest_list(event),
        "form": form,
        "public": event.visibility == Visibility.PUBLIC,
        "member": member_of(request),
    }
    return render(request, "rsvp/show.html", context, status=status)


def _closed(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    """410: the event is over or cancelled. The page of a private or hidden event shows no details of it any more."""
    public = row.event.visibility == Visibility.PUBLIC and not is_withheld(row.event)
    context = {"row": row, "event": row.event if public else None, "closed": rsvps.why_closed(row.event)}
    return render(request, "rsvp/closed.html", context, status=410)


def _unknown(request: HttpRequest) -> HttpResponse:
    # Tokens are too long to guess; the limit keeps programs from trying anyway.
    if RSVP.passed(request):
        return RSVP.refuse(render(request, "429.html", {"sentence": RSVP.sentence, "back": "/"}))
    return render(request, "rsvp/unknown.html", status=404)


def _stop(request: HttpRequest, row: EmailInvitation) -> HttpResponse:
    who = request.POST.get("who") or request.GET.get("stop") or request.GET.get("who")
    whole_site = who == "site"
    done = request.method == "POST"
    if done:
        email_reader.stop(row, whole_site=whole_site)
    context = {"row": row, "whole_site": whole_site, "done": done or (not whole_site and email_reader.stopped(row))}
    return render(request, "rsvp/stop.html", context)


def _calendar(row: EmailInvitation) -> HttpResponse:
    # Link to the event page, not to /rsvp/…: calendars are often shared, and that URL can answer for the invitee.
    page = f"{options().site.url}/events/{row.event.slug}"
    response = HttpResponse(calendar_file.ics(row.event, page), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.event.slug}.ics"'
    return response
