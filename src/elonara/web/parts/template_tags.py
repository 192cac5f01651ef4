"""Template tags and filters. Registered as builtins in the settings: templates need no `{% load %}`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, RadioSelect
from django.template.defaultfilters import date as date_filter
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext

from elonara.communities.models import Community, Visibility
from elonara.communities.queries import handle_of, name_of
from elonara.events import times as event_times
from elonara.events.models import Event
from elonara.housekeeping import words
from elonara.invitations import reasons
from elonara.markup import html_of, plain_of
from elonara.web.parts import answer_forms, avatars, covers, times, totals
from elonara.web.parts.icons import PATHS

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon, hidden from screen readers: templates always put a word beside it."""
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>', PATHS[name])


@register.simple_tag
def avatar(name: str, picture: str = "", size: str = "") -> SafeString:
    """A round picture over the first letter of the name. `size` is `large`, `small` or ""."""
    return avatars.avatar(name, picture, f"avatar {size}".strip())


@register.simple_tag
def guest_name(name: str, *, you: bool = False, plus: int = 0) -> SafeString:
    """A person's name, whether it is the viewer's, and how many people she brings."""
    words = [f"({pgettext('after a name', 'you')})"] if you else []
    words += [f"+{plus}"] if plus else []
    return format_html("<bdi>{}</bdi> {}", name, " ".join(words)) if words else format_html("<bdi>{}</bdi>", name)


@register.simple_tag
def guest_data_days() -> int:
    """How many days after its end the guests' data of an event is deleted; 0: it is kept."""
    days: int = settings.ELONARA.events.guest_data_days
    return days


@register.filter
def markdown(text: str) -> SafeString:
    """A description as HTML."""
    return html_of(text, urlsplit(settings.ELONARA.site.url).hostname or "")


@register.filter
def without_marks(text: str) -> str:
    """A description as plain text, for a line or two of it."""
    return plain_of(text)


@register.inclusion_tag("parts/field.html")
def field(
    bound: BoundField,
    autocomplete: str = "",
    rows: int = 0,
    label: str = "",
    help: str | None = None,  # noqa: A002
) -> dict[str, Any]:
    """One field of a form: label, help, error and input, connected by ARIA attributes.

    `label` and `help` replace the form's own texts, for the forms of allauth.
    """
    widget = bound.field.widget
    help_text = bound.help_text if help is None else help
    described = [f"{bound.id_for_label}_help"] if help_text else []
    attrs: dict[str, Any] = {"class": "input"}
    if bound.errors:
        described.append(f"{bound.id_for_label}_error")
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if autocomplete:
        attrs["autocomplete"] = autocomplete
    if rows:
        attrs["rows"] = rows
    if label:
        attrs["placeholder"] = ""  # allauth's forms repeat their label there
    is_checkbox = isinstance(widget, CheckboxInput)
    if is_checkbox:
        attrs.pop("class")
    return {
        "bound": bound,
        "label": label or bound.label,
        "help_text": help_text,
        "is_checkbox": is_checkbox,
        "is_radio": isinstance(widget, RadioSelect),
        "is_hidden": bound.is_hidden,
        "rendered": "" if isinstance(widget, RadioSelect) else bound.as_widget(attrs=attrs),
    }


@register.simple_tag(takes_context=True)
def event_time(context: dict[str, Any], event: Any) -> times.ShownTime:
    """The event's time for this viewer (see `elonara.web.parts.times`)."""
    request = context.get("request")
    viewer = times.zone_of(request) if request is not None else None
    if event.all_day:
        return times.whole_days(event)
    online = event.attendance == "online"
    return times.when(event.starts_at, event.ends_at, event.timezone, viewer, online=online)


@register.simple_tag(takes_context=True)
def date_block(context: dict[str, Any], event: Any) -> SafeString:
    """The small calendar sheet with the day of an event, in the zone of the words beside it."""
    day = event_time(context, event).day
    past = " past" if (event.ends_at or event.starts_at) < timezone.now() else ""
    # A list of events has many of these: a template of its own for each costs more than the rest of the row.
    return format_html(
        '<time class="date{}" datetime="{}"><span>{}</span><b>{}</b></time>',
        past,
        dateformat.format(day, r"Y-m-d\TH:iO"),
        dateformat.format(day, "M"),
        day.day,
    )


@register.filter
def shown_mark(event: Any) -> str:
    """What a form with the buttons to answer says about the event as the page shows it."""
    return event_times.shown_mark(event)


@register.filter
def clock(moment: Any) -> str:
    """`14:03` today, `21 Nov, 14:03` otherwise, in the viewer's zone."""
    if not moment:
        return ""
    local = timezone.localtime(moment)
    return date_filter(local, "H:i" if local.date() == timezone.localdate() else "j M, H:i")


@register.filter
def map_link(place: str) -> str:
    """A map search for a place."""
    return f"https://www.openstreetmap.org/search?query={quote(place)}"


@register.filter
def handle(value: str) -> str:
    """`@bob.example`; "" for no handle and for `handle.invalid`, AT Protocol's word for one that does not resolve."""
    return "" if not value or value == "handle.invalid" else f"@{value}"


@register.filter
def thousands(number: int) -> str:
    """`100,000`."""
    return f"{number:,}"


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """One entry of a dict by a key that is a variable."""
    return mapping.get(key) if mapping else None


@register.filter
def first_word(name: str) -> str:
    """`Alice Moreira` as `Alice`."""
    return name.split(maxsplit=1)[0] if name and name.split() else name


CHOICES = {
    "going": gettext_noop("Going"),
    "waiting": gettext_noop("Waiting list"),
    "offered": gettext_noop("Place offered"),
    "asked": gettext_noop("Asked to come"),
    "refused": gettext_noop("Declined by the hosts"),
    "online": gettext_noop("Going online"),
    "maybe": gettext_noop("Maybe"),
    "cant": gettext_noop("Can’t"),
    "joined": gettext_noop("Joined"),
    "declined": gettext_noop("Declined"),
}


@register.filter
def choice_word(choice: str) -> str:
    """The label of an answer, as on its button."""
    return _(CHOICES[choice]) if choice in CHOICES else choice


@register.filter
def yes_or_no(option: str) -> str:
    """An answer to choose, as its button says it."""
    return {"yes": _("Yes"), "no": _("No")}.get(option, option)


@register.filter
def going_words(event: Any) -> str:
    """`8 going`, for events that were queried with `going_count`."""
    count = getattr(event, "going_count", 0)
    return ngettext("{count} going", "{count} going", count).format(count=count) if count else ""


@register.filter
def way_on_to(row: Any, target: Event | Community) -> str:
    """What a host can do about a reason, or a row that has one (`way_on`): nothing by the link of what is private."""
    code = getattr(row, "code", "") or getattr(row, "reason", "")
    by_link = bool(code) and reasons.reason(code).action == "copy_link"
    return "" if by_link and target.visibility == Visibility.PRIVATE else str(row.way_on)


register.filter("person_name", name_of)
register.filter("person_handle", handle_of)
register.filter("card_picture", covers.card_picture)
register.filter("cover_address", covers.address)
register.simple_tag(covers.address_in_mood, name="cover_in_mood")
register.filter("list_picture", covers.list_address)
register.filter("counted", totals.counted)
register.filter("wanted", totals.wanted)
register.filter("any_open", answer_forms.any_open)
register.filter("short_when", event_times.short_phrase)
register.filter("cover_class", covers.page_class)
register.filter("with_covers", covers.with_covers)


BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
DEVICES = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


@register.filter
def browser_name(agent: str) -> str:
    """`Firefox on Linux` for a User-Agent header; an unknown one is shortened to 60 characters."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    device = next((name for mark, name in DEVICES if mark in agent), "")
    if browser and device:
        return _("{browser} on {device}").format(browser=browser, device=device)
    return browser or device or agent[:60] or _("A program")


@register.filter
def in_words(code: str, kind: str) -> str:
    """What a code in a row means, for the operator."""
    return words.in_words(code, kind)
