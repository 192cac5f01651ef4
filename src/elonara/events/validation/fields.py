"""Validation of what people enter about an event, with a sentence for each wrong field."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.models import Visibility
from elonara.communities.validation import many_lines, one_line, too_long
from elonara.events.models import Event
from elonara.events.validation.times import clean_times
from elonara.members.errors import Invalid

TITLE_LENGTH = 120
MAX_PLUS_ONES = 20
MAX_CAPACITY = 100_000
# How guests answer and get places, whether they can reply to the host, and what the cover is like.
SETTINGS = frozenset({
    "plus_ones_allowed", "capacity", "fills_by_itself", "offer_hours", "fill_cutoff_hours", "approval", "place_hidden",
    "attendance", "online_link", "online_capacity", "answers_until", "guest_list_hidden", "count_hidden",
    "replies_to_host", "mood",
})  # fmt: skip
SWITCHES = frozenset({
    "fills_by_itself", "approval", "place_hidden", "guest_list_hidden", "count_hidden", "replies_to_host",
})  # fmt: skip
MAX_HOURS = 720  # of an offer, and of the cut-off before the start
WORD_LENGTH = 500


def clean(fields: dict[str, Any], before: Event | None = None) -> dict[str, Any]:
    """The given fields as they will be stored; `before` is the event that is changed, None for a new one.

    A naive time is a local time of the event's zone. Raises Invalid with a sentence for each wrong field.
    """
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    _texts(fields, values, errors)
    times, wrong_times = clean_times(fields, before)
    values |= times
    errors |= wrong_times
    if "visibility" in fields:
        values["visibility"] = str(fields["visibility"] or "")
        if values["visibility"] not in Visibility.values:
            errors["visibility"] = _("Choose public or private.")
    if "mood" in fields:
        values["mood"] = str(fields["mood"] or "")
        if values["mood"] not in Event.Mood.values:
            errors["mood"] = _("Choose what the cover is like: any, calm, lively, evening or outdoors.")
    if "plus_ones_allowed" in fields:
        values["plus_ones_allowed"] = plus_ones = _whole_number(fields["plus_ones_allowed"])
        if not 0 <= plus_ones <= MAX_PLUS_ONES:
            errors["plus_ones_allowed"] = too_many_plus_ones()
    if "replies_to_host" in fields:
        values["replies_to_host"] = bool(fields["replies_to_host"])
    _places(fields, values, errors)
    errors = {name: sentence for name, sentence in errors.items() if sentence}
    if errors:
        raise Invalid(errors)
    return values


def too_many_plus_ones() -> str:
    """The sentence about a number of people that no guest can bring."""
    sentence = ngettext(
        "A guest can bring 0 to {count} person.", "A guest can bring 0 to {count} people.", MAX_PLUS_ONES
    )
    return sentence.format(count=MAX_PLUS_ONES)


def clean_word(value: Any, field: str = "word") -> str:
    """A word of a host to her guests, as it will be stored. Raises Invalid where it is too long."""
    word = many_lines(value)
    if sentence := too_long(_("The message to your guests"), word, WORD_LENGTH):
        raise Invalid({field: sentence})
    return word


def _places(fields: dict[str, Any], values: dict[str, Any], errors: dict[str, str]) -> None:
    for name in ("capacity", "online_capacity"):
        if name in fields:
            empty = fields[name] in (None, "")
            values[name] = capacity = None if empty else _whole_number(fields[name])
            if capacity is not None and not 1 <= capacity <= MAX_CAPACITY:
                sentence = ngettext(
                    "Between 1 and {most} person can come. Leave it empty for no limit.",
                    "Between 1 and {most} people can come. Leave it empty for no limit.",
                    MAX_CAPACITY,
                )
                errors[name] = sentence.format(most=f"{MAX_CAPACITY:,}")
    if "attendance" in fields:
        values["attendance"] = str(fields["attendance"] or "")
        if values["attendance"] not in Event.Attendance.values:
            errors["attendance"] = _("Choose whether guests come to the place, online, or both.")
    for name in SWITCHES & fields.keys():
        values[name] = bool(fields[name])
    if "fill_cutoff_hours" in fields:
        values["fill_cutoff_hours"] = hours = _whole_number(fields["fill_cutoff_hours"])
        if not 0 <= hours <= MAX_HOURS:
            sentence = ngettext(
                "Between 0 and {count} hour before the start.",
                "Between 0 and {count} hours before the start.",
                MAX_HOURS,
            )
            errors["fill_cutoff_hours"] = sentence.format(count=MAX_HOURS)
    if "offer_hours" in fields:
        values["offer_hours"] = hours = _whole_number(fields["offer_hours"])
        if not 0 <= hours <= MAX_HOURS:
            sentence = ngettext(
                "Between 1 and {count} hour to accept, or 0: places are given at once.",
                "Between 1 and {count} hours to accept, or 0: places are given at once.",
                MAX_HOURS,
            )
            errors["offer_hours"] = sentence.format(count=MAX_HOURS)


def _texts(fields: dict[str, Any], values: dict[str, Any], errors: dict[str, str]) -> None:
    if "title" in fields:
        values["title"] = one_line(fields["title"])
        errors["title"] = (
            too_long(_("The title"), values["title"], TITLE_LENGTH) if values["title"] else _("Give the event a title.")
        )
    if "description" in fields:
        values["description"] = many_lines(fields["description"])
        errors["description"] = too_long(_("The description"), values["description"], 5000)
    if "online_link" in fields:
        values["online_link"] = link = one_line(fields["online_link"])
        errors["online_link"] = too_long(_("The link"), link, 500) or _link(link)
    for name, label in (("location", _("The place")), ("picture_alt", _("The description of the picture"))):
        if name in fields:
            values[name] = one_line(fields[name])
            errors[name] = too_long(label, values[name], 300)


def _link(text: str) -> str:
    """The sentence that says what is wrong with a link, or ""."""
    try:
        if text:
            URLValidator(schemes=["https", "http"])(text)
    except ValidationError:
        return _("Enter the whole address, such as https://meet.example/room.")
    return ""


def _whole_number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
