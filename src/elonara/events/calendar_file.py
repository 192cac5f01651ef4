"""An event as an iCalendar file (RFC 5545): one VEVENT, and links that add it to calendars on the web.

Times are in UTC (section 3.3.5, form 2), so the file needs no VTIMEZONE, and no calendar has to agree with us about the
rules of a zone: an hour was lost in Casablanca, whose winter time is in Ramadan. An event that does not recur loses
nothing by it; calendars show it in the reader's own zone. Whole days are DATE values (section 3.3.4), the same days in
every zone.
"""

import uuid
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.utils import timezone
from icalendar import Calendar
from icalendar import Event as Entry

from elonara.events.models import Event
from elonara.events.queries import ends, is_cancelled
from elonara.events.times import days_of
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
    # Always with an end: without one a calendar shows a moment, and some importers refuse the entry.
    if event.all_day:
        first, after = _days(event)
        entry.add("dtstart", first)
        entry.add("dtend", after)
    else:
        entry.add("dtstart", event.starts_at.astimezone(UTC))
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
    if event.all_day:
        dates = "/".join(f"{day:%Y%m%d}" for day in _days(event))
    else:
        dates = f"{_basic(event.starts_at)}/{_basic(ends(event))}"
    query = {"action": "TEMPLATE", "text": event.title, "dates": dates, "details": url, "location": place}
    return f"https://calendar.google.com/calendar/render?{urlencode(query)}"


def outlook_link(event: Event, url: str, place: str) -> str:
    """The address that opens the event as a new entry in Outlook on the web."""
    if event.all_day:
        first, after = _days(event)
        times = {"startdt": first.isoformat(), "enddt": after.isoformat(), "allday": "true"}
    else:
        times = {"startdt": _extended(event.starts_at), "enddt": _extended(ends(event))}
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": event.title,
        **times,
        "body": url,
        "location": place,
    }
    return f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(query)}"


def _days(event: Event) -> tuple[date, date]:
    """The first day, and the one after the last, as DTEND and both services want it."""
    first, last = days_of(event)
    return first, last + timedelta(days=1)


def _extended(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _basic(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
