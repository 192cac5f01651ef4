"""The Guests tab of an event: what hosts do about the answers of others."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from elonara.events import actions
from elonara.events.guests import approval, by_host, places, questions
from elonara.events.guests.guest_list import guest_list, name_of
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.web.events.views import managed_or_refused
from elonara.web.shortcuts import members_only, show_message, the_member

type HostAct = Callable[[Event, Member, int, str], Rsvp]

MOST_OTHERS = 500  # guests among whom the same person is looked for
MAX_ID_DIGITS = 18
DECIDED = {
    "going": gettext_noop("They have a place now."),
    "waiting": gettext_noop("Accepted. All places are taken, so they are on the waiting list."),
    "refused": gettext_noop("Declined. They will see it on the event’s page."),
}


@members_only
@require_POST
def give_place(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a place to somebody on the waiting list."""
    return _decided(request, slug, lambda event, by, pk, _word: places.give(event, by, pk))


@members_only
@require_POST
def accept(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept somebody who asked to come."""
    return _decided(request, slug, approval.accept)


@members_only
@require_POST
def decline(request: HttpRequest, slug: str) -> HttpResponse:
    """Decline somebody who asked to come."""
    return _decided(request, slug, approval.decline)


@members_only
@require_POST
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """Close answers now, or open them again."""
    event = managed_or_refused(request, slug)
    until = None if request.POST.get("open") else timezone.now()
    try:
        actions.change(event, by=the_member(request), answers_until=until)
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, _("Guests can answer again.") if until is None else _("Answers are closed."))
    return redirect(f"/events/{slug}/manage?tab=guests")


@members_only
@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a guest by name."""
    event = managed_or_refused(request, slug)
    answer, online = _answer_of(request.POST, "going")
    try:
        name, more = request.POST.get("name", ""), request.POST.get("plus_ones")
        row = by_host.add(event, the_member(request), name, answer, more, online=online)
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        if row.choice == "waiting":
            done = _("{name} is on the list. All places are taken, so they are on the waiting list.")
        else:
            done = _("{name} is on the list.")
        show_message(request, done.format(name=row.name))
    return redirect(f"/events/{slug}/manage?tab=guests")


@members_only
def one(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One guest: set the answer, merge it with another one, or remove who was added by name."""
    event, by = managed_or_refused(request, slug), the_member(request)
    row = Rsvp.objects.filter(event=event, pk=pk).select_related("member__bluesky").first()
    if row is None:
        raise Http404
    if request.method == "POST":
        try:
            done = _do(event, by, pk, request.POST)
        except (Invalid, NotAllowed) as fault:
            show_message(request, str(fault), "bad")
            return redirect(request.path)
        show_message(request, done)
        return redirect(f"/events/{slug}/manage?tab=guests")
    others = guest_list(event, by, page_size=MOST_OTHERS).guests
    given = questions.given([row.pk])[row.pk]
    said = [(each, given[each.pk]) for each in questions.answered(event) if each.pk in given]
    context = {
        "event": event,
        "row": row,
        "said": said,
        "name": name_of(row),
        "others": [each for each in others if each.rsvp != pk],
        "kept": row.choice in by_host.KEPT,
    }
    return render(request, "events/guest.html", context)


def _do(event: Event, by: Member, pk: int, form: QueryDict) -> str:
    match form.get("do"):
        case "merge":
            by_host.merge(event, by, pk, _number(form.get("other", "")))
            return _("They are one guest now. The later answer counts.")
        case "remove":
            by_host.remove(event, by, pk)
            return _("Removed.")
        case _:
            answer, online = _answer_of(form, "")
            row = by_host.set_answer(event, by, pk, answer, form.get("plus_ones"), online=online)
            if answer and row.choice == "waiting":
                return _("All places are taken, so they are on the waiting list.")
            return _("The answer is saved.")


def _answer_of(form: QueryDict, otherwise: str) -> tuple[str, bool | None]:
    """The answer that a host chose, and how the guest comes: None where the form does not say."""
    answer = form.get("answer", otherwise)
    if answer == "online":
        return "going", True
    return answer, False if answer == "going" and form.get("ways") == "both" else None


def _decided(request: HttpRequest, slug: str, decide: HostAct) -> HttpResponse:
    event = managed_or_refused(request, slug)
    try:
        row = decide(event, the_member(request), _guest(request), request.POST.get("word", ""))
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, _(DECIDED[row.choice]))
    return redirect(f"/events/{slug}/manage?tab=guests")


def _guest(request: HttpRequest) -> int:
    """The id of an answer in the form; 0 for what is none."""
    return _number(request.POST.get("rsvp", ""))


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS else 0
