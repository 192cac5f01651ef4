"""What the page of an event and an invitation to it share: links to calendars, and the tags for previews elsewhere."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _

from elonara.communities.models import Visibility
from elonara.communities.validation import one_line
from elonara.events import calendar_file
from elonara.events.models import Event
from elonara.events.times import short_phrase_there
from elonara.events.web_previews import WebPreview, web_preview

FILE_NAME_LENGTH = 60  # characters


def page_url(event: Event) -> str:
    """The absolute URL of the event's page."""
    return f"{settings.ELONARA.site.url}/events/{event.slug}"


def calendars(event: Event, place: str) -> dict[str, str]:
    """Links that add the event to calendars on the web, by the calendar's name. `place`: as the viewer may read it."""
    url = page_url(event)
    return {
        "google": calendar_file.google_link(event, url, place),
        "outlook": calendar_file.outlook_link(event, url, place),
    }


def calendar_response(event: Event, place: str) -> HttpResponse:
    """The calendar file of an event. `place`: as the viewer may read it.

    It links to the event's page, whoever asks and by whatever address: calendars are often shared.
    """
    response = HttpResponse(
        calendar_file.ics(event, page_url(event), place), content_type="text/calendar; charset=utf-8"
    )
    # By the title, which the file holds anyway: who looks for it later knows nothing of a private event's slug.
    name = slugify(event.title, allow_unicode=True)[:FILE_NAME_LENGTH] or event.slug
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.ics") or ""
    response["Cache-Control"] = "private, no-cache"
    return response


def is_public(event: Event) -> bool:
    """Whether an anonymous visitor may see the event, as far as it and not its host decides."""
    return event.visibility == Visibility.PUBLIC and event.hidden_at is None


def ready_text(event: Event, answer: str) -> str:
    """What somebody who is going can post herself; "" where an anonymous visitor may not see the event."""
    if answer not in ("going", "online") or not is_public(event):
        return ""
    text = _("I’m going to {title}, {time}").format(title=one_line(event.title), time=short_phrase_there(event))
    return f"{text}\n{page_url(event)}"


def shared_preview(event: Event) -> WebPreview | None:
    """The tags for previews; None where an anonymous visitor may not see the event."""
    if not is_public(event):
        return None
    return web_preview(event, url=page_url(event), site_name=settings.ELONARA.site.name)
