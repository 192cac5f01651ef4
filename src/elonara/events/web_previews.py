"""How an event looks where its address is shared: Open Graph and Twitter tags, and JSON-LD for search engines.

Only for what an anonymous visitor may read: callers ask for a public event that is not hidden. The vocabularies are
https://ogp.me and https://schema.org/Event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from elonara.communities.validation import one_line
from elonara.covers.share_facts import HEIGHT, WIDTH
from elonara.events import share_pictures
from elonara.events.models import Event
from elonara.events.queries import ends, is_cancelled
from elonara.events.times import days_of, with_zone
from elonara.markup import plain_of
from elonara.members.time_zones import zone

MAX_DESCRIPTION_LENGTH: Final = 280
# In a script element, "</script>" or "<!--" inside a string would end it or change how it is read.
_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


_MODES: Final = {"place": "Offline", "online": "Online", "both": "Mixed"}


@dataclass(frozen=True)
class WebPreview:
    """The tags of a page: `properties` (Open Graph), `names` (Twitter and `description`), and the JSON-LD text."""

    properties: list[tuple[str, str]]
    names: list[tuple[str, str]]
    json_ld: str


def web_preview(event: Event, *, url: str, site_name: str) -> WebPreview:
    """The preview of a public event. `url` is the absolute URL of its page."""
    when = with_zone(event)
    cancelled = f"{_('Cancelled.')} " if is_cancelled(event) else ""
    facts = " · ".join(part for part in (when, event.public_location) if part)
    description = _short(f"{cancelled}{facts}. {one_line(plain_of(event.description))}".strip())
    image, alt = f"{url}/picture" if event.picture else "", event.picture_alt
    if drawn := share_pictures.current(event):
        image, alt = f"{url}/share.jpg?v={drawn}", f"{event.title}. {facts}"
    properties = [
        ("og:type", "website"),
        ("og:site_name", site_name),
        ("og:title", event.title),
        ("og:description", description),
        ("og:url", url),
    ]
    names = [
        ("description", description),
        ("twitter:card", "summary_large_image" if image else "summary"),
        ("twitter:label1", _("When")),
        ("twitter:data1", when),
    ]
    if event.public_location:
        names += [("twitter:label2", _("Where")), ("twitter:data2", event.public_location)]
    if image:
        properties += [("og:image", image), *([("og:image:alt", alt)] if alt else [])]
    if drawn:
        properties += [("og:image:width", str(WIDTH)), ("og:image:height", str(HEIGHT))]
    return WebPreview(properties, names, _json_ld(event, url, image))


def _json_ld(event: Event, url: str, image: str) -> str:
    starts, ends_on = _start_and_end(event)
    values: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.title,
        "startDate": starts,
        "endDate": ends_on,
        "eventStatus": f"https://schema.org/Event{'Cancelled' if is_cancelled(event) else 'Scheduled'}",
        "url": url,
    }
    if event.description:
        values["description"] = plain_of(event.description)
    values["eventAttendanceMode"] = f"https://schema.org/{_MODES[event.attendance]}EventAttendanceMode"
    if found := _locations(event, url):
        values["location"] = found if len(found) > 1 else found[0]
    if image:
        values["image"] = [image]
    return json.dumps(values, ensure_ascii=False).translate(_ESCAPES)


def _start_and_end(event: Event) -> tuple[str, str]:
    """ISO 8601, with the offset of the place. Whole days are days; the last one is part of the event."""
    if event.all_day:
        first, last = days_of(event)
        return first.isoformat(), last.isoformat()
    local = zone(event.timezone)
    start, end = (moment.astimezone(local) for moment in (event.starts_at, ends(event)))
    return start.isoformat(timespec="minutes"), end.isoformat(timespec="minutes")


def _locations(event: Event, url: str) -> list[dict[str, str]]:
    """The place, and for an event online its page: the link itself is for guests alone."""
    found = []
    if (place := event.public_location) and event.attendance != Event.Attendance.ONLINE:
        found.append({"@type": "Place", "name": place, "address": place})
    if event.attendance != Event.Attendance.PLACE:
        found.append({"@type": "VirtualLocation", "url": url})
    return found


def _short(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION_LENGTH else text[: MAX_DESCRIPTION_LENGTH - 1].rstrip() + "…"
