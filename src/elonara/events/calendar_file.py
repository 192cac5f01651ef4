"""An event as an iCalendar file (RFC 5545): one VEVENT, and links that add it to calendars on the web.

Times are in UTC (section 3.3.5, form 2), so the file needs no VTIMEZONE, and no calendar has to agree with us about the
rules of a zone: an hour was lost in Casablanca, whose winter time is in Ramadan. An event that does not recur loses
nothing by it; calendars show it in the reader's own zone.
"""

import uuid
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.utils import timezone
from icalendar import Calendar
from icalendar import Event as Entry

from elonara.events.models import Event
from elonara.events.queries import ends, is_cancelled
from elonara.markup import plain_of

_UID_NAMESPACE = uuid.UUID("6f1f7d0e-54a5-4a2f-9a0b-6b4a6c6b7f11")


def uid(event: Event) -> str:
    """The UID (RFC 5545, section 3.8.4.7). It stays the same when the site's address or the event's title changes."""
    return f"{uuid.uuid5(_UID_NAMESPACE, f'{event.pk} {event.created_at.astimezone(UTC).isoformat()}')}@elonara"


def ics(event: Event, url: str, place: str) -> bytes:
    """The calendar file. `url` is the absolute URL of the event's page, `place` what the reader may know of it."""
    calendar = Calendar()
    calendar.add("prodid", "-//Elonara//Events//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    entry = Entry()
    entry.add("uid", uid(event))
    entry.add("dtstamp", timezone.now().astimezone(UTC).replace(microsecond=0))
    entry.add("sequence", event.sequence)
    entry.add("summary", event.title)
    entry.add("dtstart", event.starts_at.astimezone(UTC))
    # Always with an end: without one a calendar shows a moment, and some importers refuse the entry.
    entry.add("dtend", ends(event).astimezone(UTC))
    if place:
        entry.add("location", place)
    entry.add("description", f"{plain_of(event.description)}\n\n{url}".strip())
    entry.add("url", url)
    entry.add("status", "CANCELLED" if is_cancelled(event) else "CONFIRMED")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def google_link(event: Event, url: str, place: str) -> str:
    """The address that opens the event as a new entry in Google Calendar."""
    dates = f"{_basic(event.starts_at)}/{_basic(ends(event))}"
    query = {"action": "TEMPLATE", "text": event.title, "dates": dates, "details": url, "location": place}
    return f"https://calendar.google.com/calendar/render?{urlencode(query)}"


def outlook_link(event: Event, url: str, place: str) -> str:
    """The address that opens the event as a new entry in Outlook on the web."""
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": event.title,
        "startdt": event.starts_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "enddt": ends(event).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "body": url,
        "location": place,
    }
    return f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(query)}"


def _basic(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
