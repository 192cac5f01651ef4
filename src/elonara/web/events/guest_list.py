"""The guest list for hosts: the Guests tab with its filters, the table for a spreadsheet, and a page to print."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from elonara.events import queries
from elonara.events.guests import closing, export, places, questions, rsvps
from elonara.events.guests.guest_list import GuestList
from elonara.events.guests.narrowing import ANSWERS, CAME_BY, AnswerGroup, CameBy, GuestFilter
from elonara.events.models import Event, Question
from elonara.events.times import with_zone
from elonara.invitations.queries import unanswered
from elonara.members.models import Member
from elonara.web.events.views import managed_or_refused
from elonara.web.shortcuts import members_only, page_of, the_member

GUESTS_IN_THE_TABLE: Final = 100
MAX_SEARCH_LENGTH: Final = 100
ANSWER_WORDS: Final[dict[AnswerGroup, str]] = {
    "going": gettext_noop("Going"),
    "maybe": gettext_noop("Maybe"),
    "waiting": gettext_noop("Waiting for a place"),
    "asked": gettext_noop("Asked to come"),
    "cant": gettext_noop("Can’t"),
}
CAME_BY_WORDS: Final[dict[CameBy, str]] = {
    "member": gettext_noop("Their account here"),
    "bluesky": gettext_noop("Bluesky, without an account here"),
    "email": gettext_noop("The link of an e-mail"),
    "name": gettext_noop("Added by name"),
}


def filter_of(request: HttpRequest) -> GuestFilter:
    """The filter that the address names. A value that is none of its is as if it was left out."""
    given = request.GET
    return GuestFilter(
        answer=next((one for one in ANSWERS if one == given.get("answer")), None),
        by=next((one for one in CAME_BY if one == given.get("by")), None),
        unanswered=given.get("unanswered") == "1",
        q=given.get("q", "").strip()[:MAX_SEARCH_LENGTH],
    )


def tab_context(request: HttpRequest, event: Event, member: Member) -> dict[str, Any]:
    """What the Guests tab shows."""
    wanted = filter_of(request)
    guests = rsvps.guest_list(event, member, page=page_of(request), page_size=GUESTS_IN_THE_TABLE, wanted=wanted)
    asked = questions.answered(event)
    query = urlencode(_kept(wanted))
    found: dict[str, Any] = {
        "guests": guests,
        "asked": [row for row in asked if row.retired_at is None],
        "said": _said(guests, asked),
        "taken": {way: places.taken(event, online=way == "online") for way in ("there", "online")},
        "to_come": not (queries.is_cancelled(event) or queries.is_over(event)),
        "closed_answers": closing.is_closed(event),
        "unanswered": unanswered(event),
        "wanted": wanted,
        "answer_words": [(value, _(words)) for value, words in ANSWER_WORDS.items()],
        "came_by_words": [
            (value, _(words))
            for value, words in CAME_BY_WORDS.items()
            if value != "email" or settings.ELONARA.email.url
        ],
        "requires": any(row.required and row.retired_at is None for row in asked),
        "narrowing": f"?{query}" if query else "",
        "page_query": f"tab=guests&{query}&" if query else "tab=guests&",
    }
    if event.attendance != event.Attendance.BOTH:
        found["most"] = places.limit(event, event.comes_online(False))
    return found


@members_only
@require_safe
def table(request: HttpRequest, slug: str) -> HttpResponse:
    """The guests as a file for a spreadsheet."""
    event = managed_or_refused(request, slug)
    text = export.guests_csv(event, the_member(request), filter_of(request))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-guests.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@members_only
@require_safe
def sheet(request: HttpRequest, slug: str) -> HttpResponse:
    """The guests as a page to print and to tick off at the door: those who are going, where no answer is chosen."""
    event, wanted = managed_or_refused(request, slug), filter_of(request)
    shown = GuestFilter(wanted.answer or "going", wanted.by, wanted.unanswered, wanted.q)
    guests = rsvps.guest_list(event, the_member(request), wanted=shown)
    context = {
        "event": event,
        "when": with_zone(event),
        "guests": guests.guests,
        "people": 0 if shown.answer == "cant" else sum(1 + guest.plus_ones for guest in guests.guests),
        "said": _said(guests, questions.answered(event)),
        "answer": _(ANSWER_WORDS[shown.answer or "going"]),
        "by": _(CAME_BY_WORDS[shown.by]) if shown.by else "",
        "wanted": shown,
        "back": f"/events/{slug}/manage?{urlencode({'tab': 'guests'} | _kept(wanted))}",
    }
    response = render(request, "events/guests_print.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _said(guests: GuestList, asked: list[Question]) -> dict[int, list[tuple[Question, str]]]:
    """What each guest answered, by her id: question and answer, in the order of the questions."""
    given = questions.given([guest.rsvp for guest in guests.guests]) if asked else {}
    return {pk: [(row, found[row.pk]) for row in asked if row.pk in found] for pk, found in given.items()}


def _kept(wanted: GuestFilter) -> dict[str, str]:
    """The filter as the address has it."""
    values = {"q": wanted.q, "answer": wanted.answer, "by": wanted.by, "unanswered": "1" if wanted.unanswered else ""}
    return {name: value for name, value in values.items() if value}
