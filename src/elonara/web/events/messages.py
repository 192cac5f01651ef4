"""E-mails to guests: the hosts' Messages tab, what is said before an edit, and what a guest chooses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.events.messages.readers import hearing
from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.guest_emails import host_messages, stopping
from elonara.invitations.guest_emails.stopping import EmailSettings
from elonara.invitations.queries import unanswered
from elonara.invitations.results import InvitationRefused
from elonara.web.events.views import event_or_404
from elonara.web.invitations.email_rsvp import keeps_token_secret, unknown_link
from elonara.web.parts.audiences import in_words
from elonara.web.shortcuts import members_only, show_message, the_member

AUDIENCES = (
    (HostMessage.Audience.EVERYBODY, gettext_noop("Everybody who is going, maybe or waiting")),
    (HostMessage.Audience.GOING, gettext_noop("Going")),
    (HostMessage.Audience.MAYBE, gettext_noop("Maybe")),
    (HostMessage.Audience.WAITING, gettext_noop("Waiting for a place")),
)
# What each button of the page ends, and what is said then.
STOPS: dict[str, tuple[dict[str, bool], str]] = {
    "event": ({}, gettext_noop("You get no more e-mails about this event")),
    "event-reminders": ({"reminders_only": True}, gettext_noop("You get no more reminders of this event")),
    "reminders": ({"reminders_only": True, "for_ever": True}, gettext_noop("You get no more reminders of events")),
    "all": ({"for_ever": True}, gettext_noop("You get no more e-mails about events")),
}


def page(request: HttpRequest, event: Event, frame: dict[str, Any]) -> HttpResponse:
    """The Messages tab: write, look, send. What was typed is shown again whenever something is refused."""
    member = the_member(request)
    if request.method != "POST":
        return _page(request, event, frame)
    typed: dict[str, Any] = {"to": request.POST.get("to", ""), "text": request.POST.get("text", "")}
    try:
        if request.POST.get("go") != "send":
            return _page(request, event, frame, **typed, plan=host_messages.preview(member, event, **typed))
        sent = host_messages.send(member, event, **typed, preview_id=request.POST.get("shown", ""))
    except InvitationRefused as fault:
        if fault.code == "preview_changed":
            typed["plan"] = host_messages.preview(member, event, typed["to"], typed["text"])
        return _page(request, event, frame, **typed, fault=fault, sentence=f"{fault.sentence} {fault.way_on}".strip())
    people = host_messages.view_of(sent).people
    done = ngettext(
        "Your message is on its way to {count} guest.", "Your message is on its way to {count} guests.", people
    )
    show_message(request, done.format(count=people))
    return redirect(f"{frame['base']}?tab=messages")


@members_only
@require_POST
def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """What a member wants by e-mail about one event."""
    event = event_or_404(request, slug)
    stopping.change_settings(the_member(request), _chosen(request), event)
    show_message(request, _("Your choice is saved."))
    return redirect(f"/events/{slug}")


@members_only
@require_POST
def choose_for_all(request: HttpRequest) -> HttpResponse:
    """What a member wants by e-mail about all events."""
    stopping.change_settings(the_member(request), _chosen(request))
    show_message(request, _("Your choice is saved."))
    return redirect("/profile/edit?tab=invitations")


# CSRF-exempt as the other pages of a token, and because mail programs post here (RFC 8058).
@csrf_exempt
@keeps_token_secret
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """The link in each e-mail. GET changes nothing; a mail program posts without a choice: this event's end."""
    row = stopping.by_token(token)
    if row is None:
        return unknown_link(request)
    done = _stop(row, request.POST.get("what", "event")) if request.method == "POST" else ""
    return render(request, "rsvp/mail_stop.html", {"row": row, "done": done})


def _stop(row: GuestMessage, what: str) -> str:
    ends, sentence = STOPS.get(what, STOPS["event"])
    stopping.stop(row, **ends)
    return _(sentence)


def _chosen(request: HttpRequest) -> EmailSettings:
    return EmailSettings(changes="changes" in request.POST, reminders="reminders" in request.POST)


def _page(request: HttpRequest, event: Event, frame: dict[str, Any], **context: Any) -> HttpResponse:
    plan, fault = context.get("plan"), context.get("fault")
    nobody = "text" not in context and not hearing(event, the_member(request).pk).exists()
    audiences = [(value, _(words)) for value, words in AUDIENCES]
    context = {"to": HostMessage.Audience.EVERYBODY, "audiences": audiences} | context
    context |= {
        "sent": host_messages.sent_messages(event, the_member(request)),
        "nobody": nobody,
        "unanswered": unanswered(event) if nobody else 0,
        "over": reasons.sentence(host_messages.closed(event)),
        "reached": in_words(plan.readers) if plan else "",
        "field": getattr(fault, "field_name", ""),
    }
    return render(request, "events/manage.html", frame | context, status=400 if context.get("sentence") else 200)
