"""The top of an event's page as guests will see it, for the form that is being filled in. Nothing of it is stored.

A static script asks for it while the host types; without that script the form has no preview.
"""

from __future__ import annotations

from datetime import datetime, time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from elonara.events.models import Event
from elonara.members.time_zones import zone
from elonara.web.events.forms import EventForm, end_of_whole_days

SHOWN = ("title", "mood", "location", "place_hidden", "attendance", "all_day", "timezone", "approval", "visibility")


def is_asked(request: HttpRequest) -> bool:
    """Whether the form was sent for its preview alone."""
    return request.method == "POST" and request.POST.get("go") == "preview"


def respond(request: HttpRequest, form: EventForm, stored: Event | None = None) -> HttpResponse:
    """The preview of what is right in the form so far; `stored`: the event that it changes or repeats."""
    form.is_valid()
    moods = [value for value, _label in form.fields["mood"].choices]  # type: ignore[attr-defined]  # a ChoiceField
    context = {"event": _event(form, stored), "picture": _picture(form, stored), "moods": moods}
    return render(request, "events/preview.html", context)


def _event(form: EventForm, stored: Event | None) -> Event:
    given = form.cleaned_data
    event = Event(cover_shift=form.cover_shift, **{name: given[name] for name in SHOWN if given.get(name)})
    if stored is not None and "visibility" not in form.fields:  # a co-host changes none of it
        event.visibility = stored.visibility
    starts, ends = given.get("starts_at"), given.get("ends_at")
    if event.all_day and starts:
        starts, ends = datetime.combine(starts.date(), time()), end_of_whole_days(starts, ends)
    clock = zone(event.timezone)
    event.starts_at = starts.replace(tzinfo=clock) if starts else None  # type: ignore[assignment]  # it is not saved
    event.ends_at = ends.replace(tzinfo=clock) if starts and ends and ends > starts else None
    return event


def _picture(form: EventForm, stored: Event | None) -> Event | None:
    """The event whose stored picture would be shown."""
    again = form.cleaned_data.get("same_picture", True)
    return stored if stored is not None and stored.picture and again else None
