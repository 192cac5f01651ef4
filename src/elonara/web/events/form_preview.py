"""The top of an event's page as guests will see it, for the form that is being filled in. Nothing of it is stored.

A static script asks for it while the host types; without that script the form has no preview.
"""

from __future__ import annotations

from datetime import datetime, time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from elonara.events.models import Event
from elonara.members.time_zones import zone
from elonara.web.events.forms import EventForm

TOLD = ("title", "mood", "location", "place_hidden", "attendance", "all_day", "timezone", "approval", "visibility")


def is_asked(request: HttpRequest) -> bool:
    """Whether the form was sent for its preview alone."""
    return request.method == "POST" and request.POST.get("go") == "preview"


def respond(request: HttpRequest, form: EventForm) -> HttpResponse:
    """The preview of what is right in the form so far."""
    form.is_valid()
    return render(request, "events/preview.html", {"event": _event(form)})


def _event(form: EventForm) -> Event:
    given = form.cleaned_data
    event = Event(**{name: given[name] for name in TOLD if given.get(name)})
    clock = zone(event.timezone)
    starts, ends = given.get("starts_at"), given.get("ends_at")
    if event.all_day:
        values = form.values() if starts else {}
        starts, ends = (datetime.combine(starts.date(), time()) if starts else None), values.get("ends_at")
    event.starts_at = starts.replace(tzinfo=clock) if starts else None  # type: ignore[assignment]  # not saved
    event.ends_at = ends.replace(tzinfo=clock) if ends and starts and ends > starts else None
    return event
