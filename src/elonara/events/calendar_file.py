"""An event as an iCalendar file (RFC 5545): one VEVENT, with the VTIMEZONE that it refers to."""

import uuid
from datetime import UTC, timedelta

from django.utils import timezone
from icalendar import Calendar, Timezone
from icalendar import Event as Entry

from elonara.events.models import Event
from elonara.events.queries import ends, is_cancelled
from elonara.members.time_zones import zone

_UID_NAMESPACE = uuid.UUID("6f1f7d0e-54a5-4a2f-9a0b-6b4a6c6b7f11")


def uid(event: Event) -> str:
    """The UID (RFC 5545, section 3.8.4.7). It stays the same when the site's address or the event's title changes."""
    return f"{uuid.uuid5(_UID_NAMESPACE, f'{event.pk} {event.created_at.astimezone(UTC).isoformat()}')}@elonara"


def ics(event: Event, url: str) -> bytes:
    """The calendar file. `url` is the absolute URL of the event's page."""
    local = zone(event.timezone)
    calendar = Calendar()
    calendar.add("prodid", "-//Elonara//Events//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if local.key != "UTC":
        calendar.add_component(
            Timezone.from_tzid(
                local.key,
                first_date=(event.starts_at - timedelta(days=400)).date(),
                last_date=(ends(event) + timedelta(days=400)).date(),
            )
        )
    entry = Entry()
    entry.add("uid", uid(event))
    entry.add("dtstamp", timezone.now().astimezone(UTC).replace(microsecond=0))
    entry.add("sequence", event.sequence)
    entry.add("summary", event.title)
    entry.add("dtstart", event.starts_at.astimezone(local))
    if event.ends_at is not None:
        entry.add("dtend", event.ends_at.astimezone(local))
    if event.location:
        entry.add("location", event.location)
    entry.add("description", f"{event.description}\n\n{url}".strip())
    entry.add("url", url)
    entry.add("status", "CANCELLED" if is_cancelled(event) else "CONFIRMED")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
