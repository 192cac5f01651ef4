"""Events: show, create, edit, cancel, the calendar file, and answering on the event's page."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from elonara.bluesky.models import ActorView
from elonara.communities import queries as communities
from elonara.communities import transfer_rows
from elonara.communities.models import Community, Visibility
from elonara.events import access, actions, link_cards, location, queries, share_pictures
from elonara.events.guests import rsvps
from elonara.events.guests.followed import followed_going
from elonara.events.models import Event, Rsvp
from elonara.invitations.actions import Reporter
from elonara.invitations.guest_emails.stopping import settings_of
from elonara.invitations.guest_emails.told import told_to
from elonara.invitations.queries import is_invited, on_bluesky, targets_of, unanswered
from elonara.members.daily_limits import require_room
from elonara.members.errors import Invalid, LimitReached, NotAllowed
from elonara.members.models import Creation, Member
from elonara.members.standing import require_active
from elonara.web.events import form_preview
from elonara.web.events.forms import EventForm
from elonara.web.invitations import reporting
from elonara.web.invitations.posts import after_ending
from elonara.web.parts.answer_forms import AnswerForm
from elonara.web.parts.audiences import invited_words, told_of_change, told_words
from elonara.web.parts.places import beyond_places, places_of, shown_answer
from elonara.web.parts.sharing import calendar_response, calendars, is_public, page_url, ready_text, shared_preview
from elonara.web.parts.times import zone_of
from elonara.web.proofs import keepable, proofs
from elonara.web.shortcuts import (
    GUESTS_ON_A_PAGE,
    add_form_errors,
    member_of,
    members_only,
    page_of,
    show_message,
    the_member,
)


def event_or_404(request: HttpRequest, slug: str) -> Event:
    """The event. Raises Http404 also where the viewer may not see it, so that a slug does not reveal that it exists."""
    dids = list(proofs(request))
    event = access.find(slug, member_of(request), dids, targets_of("event", dids))
    if event is None:
        raise Http404
    return event


def managed_or_refused(request: HttpRequest, slug: str) -> Event:
    """The event, where the member is one of its hosts. Raises Http404 or NotAllowed."""
    event = event_or_404(request, slug)
    if not queries.may_manage(event, the_member(request)):
        raise NotAllowed(_("Only the hosts of this event may do that."))
    return event


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """One event."""
    event = event_or_404(request, slug)
    return render(request, "events/show.html", show_context(request, event, AnswerForm(event=event)))


def show_context(request: HttpRequest, event: Event, form: AnswerForm) -> dict[str, Any]:
    """What the event's page shows this viewer, with the form for the answer as it was sent."""
    member, dids, mine = member_of(request), list(proofs(request)), _own_answer(request, event)
    accepted = mine is not None and mine.choice == Rsvp.Choice.GOING
    manages, closed = queries.may_manage(event, member), rsvps.why_closed(event)
    places = places_of(event, mine, manages=manages)
    guests = rsvps.visible_list(
        event,
        member,
        dids=dids,
        known_dids=_dids_known_to(member),
        page=page_of(request),
        page_size=GUESTS_ON_A_PAGE,
    )
    return {
        "place": location.where(event, mine, manages=manages),
        "form": form,
        "questions": form.shown(mine),
        "event": event,
        "community": _visible_community(event, member, dids),
        "hosts": queries.hosts(event),
        "hosts_have_pages": is_public(event) and not queries.is_cancelled(event),
        "mine": mine,
        "answer": shown_answer(mine, event),
        "guests": guests,
        "nobody_comes_yet": not (guests.going or guests.maybe or event.count_hidden or closed or places.closed),
        # A host reads the whole list; finding whom she follows among hundreds costs half of the page.
        "followed": followed_going([] if manages else [event], member, accepted=accepted).get(event.pk),
        "asked_to_host": queries.is_asked_to_host(event, member),
        "transfer": None if queries.is_over(event) else transfer_rows.asked(event, member),
        "over": queries.is_over(event),
        "manages": manages,
        "invites": queries.may_invite(event, member),
        "closed": closed,
        "link": page_url(event),
        "preview": shared_preview(event),
        "online_link": location.link(event, mine, manages=manages),
        "calendars": calendars(event, location.for_calendar(event, mine, manages=manages)),
        "places": places,
        "ready": ready_text(event, shown_answer(mine, event)),
        "keepable": keepable(request) if mine else None,
        "told": told_to(member, dids, event=event) if mine else [],
        "emails": settings_of(member, event) if mine and member and not closed else None,
    }


def _own_answer(request: HttpRequest, event: Event) -> Rsvp | None:
    """The viewer's answer: the member's, else that of an account which was proved in this browser."""
    member = member_of(request)
    mine = rsvps.rsvp_of(event, member) if member else None
    for did in proofs(request) if mine is None else ():
        mine = mine or rsvps.rsvp_of(event, did=did)
    return mine


def _visible_community(event: Event, member: Member | None, dids: list[str]) -> Community | None:
    """The event's community, None where the viewer may not see it: a public event may be in a private community."""
    found = event.community
    return found if found is not None and communities.may_see(found, member, dids) else None


def _dids_known_to(member: Member | None) -> Collection[str] | QuerySet[ActorView, str]:
    """DIDs that were read for the member from Bluesky lately: these guests are listed first."""
    return ActorView.objects.filter(member=member).values_list("did", flat=True) if member else ()


@members_only
def create(request: HttpRequest) -> HttpResponse:
    """Create an event."""
    member = the_member(request)
    # Before she fills in the form.
    require_active(member)
    if request.method != "POST":
        require_room(member, Creation.Kind.EVENT)
    choices = communities.communities_for_events(member)
    zone = str(zone_of(request) or "") or "UTC"
    initial = {"timezone": zone, "community": choices.filter(slug=request.GET.get("community", "")).first()}
    form = EventForm(request.POST or None, request.FILES or None, communities=choices, initial=initial)
    if form_preview.is_asked(request):
        return form_preview.respond(request, form)
    if request.method == "POST" and form.is_valid():
        try:
            event = actions.create(member, **form.values())
        except (Invalid, LimitReached) as fault:
            add_form_errors(form, fault.errors)
        else:
            show_message(request, _("Your event is ready. Next, invite people."))
            return redirect(f"/events/{event.slug}/manage?tab=invite")
    context = {"form": form, "heading": _("Create an event"), "button": _("Create the event")}
    return render(request, "events/form.html", context)


@members_only
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Edit an event. Guests' calendars are updated, and invitations that are not sent yet are written anew."""
    event, member = managed_or_refused(request, slug), the_member(request)
    if queries.is_cancelled(event):
        raise NotAllowed(_(actions.CANCELLED), "cancelled")
    was_public, before = event.visibility == Visibility.PUBLIC, copy.copy(event)
    form = EventForm(
        request.POST or None,
        request.FILES or None,
        communities=communities.communities_for_events(member, event.community_id),
        initial=EventForm.initial_of(event),
        by_host=queries.role_of(event, member) == "host",
        cover_shift=event.cover_shift,
        posts=on_bluesky(event, naming=True).in_words if was_public else "",
    )
    if form_preview.is_asked(request):
        return form_preview.respond(request, form, event)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(event, by=member, **form.values())
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        else:
            hides = was_public and event.visibility == Visibility.PRIVATE
            posts = after_ending(request, event, only_wrong=True) if hides else ""
            said = (_("The changes are saved."), told_of_change(before, event, member), posts, beyond_places(event))
            show_message(request, format_html_join(" ", "{}", ((words,) for words in said if words)))
            return redirect(f"/events/{event.slug}/manage?tab=details")
    context = {"form": form, "event": event, "heading": _("Change the event"), "button": _("Save")}
    context |= {"reached": told_words(event, member), "invited": invited_words(event)}
    return render(request, "events/form.html", context)


@members_only
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks for confirmation and says what is lost; POST cancels."""
    event = managed_or_refused(request, slug)
    word, fault = request.POST.get("word", ""), ""
    if request.method == "POST":
        try:
            actions.cancel(event, the_member(request), word)
        except Invalid as refused:
            fault = str(refused)
        else:
            posts = after_ending(request, event, only_wrong=False)
            show_message(request, f"{_('The event is cancelled. Guests see this on its page.')} {posts}".strip())
            return redirect(f"/events/{slug}")
    coming = event.answers.filter(choice="going").aggregate(answers=Count("pk"), brought=Sum("plus_ones", default=0))
    going = coming["answers"] + coming["brought"]
    waiting = event.invitations.filter(state__in=("queued", "waiting", "sending")).count()
    context = {"event": event, "going": going, "waiting": waiting, "posts": on_bluesky(event).in_words}
    context |= {"reached": told_words(event, the_member(request)), "word": word, "word_error": fault}
    context |= {"invited": unanswered(event)}
    return render(request, "events/cancel.html", context, status=400 if fault else 200)


@require_safe
def ics(request: HttpRequest, slug: str) -> HttpResponse:
    """The event as an iCalendar file (RFC 5545)."""
    event = event_or_404(request, slug)
    manages = queries.may_manage(event, member_of(request))
    return calendar_response(event, location.for_calendar(event, _own_answer(request, event), manages=manages))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """Report the event, or with `?message=` a message to its guests, to the operator."""
    event, dids = event_or_404(request, slug), tuple(proofs(request))
    by = Reporter(member_of(request), dids, invited=is_invited(event, dids))
    return reporting.page_of_event(request, event, by, f"/events/{slug}", request.GET.get("message", ""))


@require_safe
def picture(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The event's picture, with `?small=` as lists show it. Raises Http404 also where the viewer may not see it."""
    event = event_or_404(request, slug)
    if not event.picture:
        raise Http404
    if "small" in request.GET and (small := link_cards.small_picture(event)):
        return HttpResponse(small, content_type=link_cards.MIME, headers={"Cache-Control": "private, max-age=86400"})
    try:
        file = event.picture.open("rb")
    except FileNotFoundError as fault:  # lost, or restored without it
        raise Http404 from fault
    return FileResponse(file, headers={"Cache-Control": "private, max-age=300"})


@require_safe
def share_picture(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The picture of a public event for other sites. Raises Http404 where there is none of the event as it is now."""
    event = event_or_404(request, slug)
    drawn = share_pictures.current(event)
    if not drawn:
        raise Http404
    etag = f'"{drawn}"'
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return unchanged
    try:
        file = event.share_picture.open("rb")
    except FileNotFoundError as fault:  # made anew meanwhile, or lost
        raise Http404 from fault
    headers = {"Cache-Control": "public, no-cache", "ETag": etag}
    return FileResponse(file, content_type="image/jpeg", headers=headers)
