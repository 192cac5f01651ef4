"""Validation of what people enter about an event, with a sentence for each wrong field."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone as clock

from elonara.communities.models import Visibility
from elonara.communities.validation import many_lines, one_line, too_long
from elonara.events.models import Event
from elonara.events.times import exists_on_the_clock
from elonara.members.errors import Invalid
from elonara.members.time_zones import is_zone

START_GRACE = timedelta(minutes=15)  # for a form that was open for a while, or an event that starts now
MAX_LEAD_TIME = timedelta(days=5 * 366)
MAX_DURATION = timedelta(days=366)
TITLE_LENGTH = 120
MAX_PLUS_ONES = 20
MAX_CAPACITY = 100_000
# How guests answer and get places, and whether they can reply to the host.
SETTINGS = frozenset({
    "plus_ones_allowed", "capacity", "fills_by_itself", "offer_hours", "fill_cutoff_hours", "approval", "place_hidden",
    "attendance", "online_link", "online_capacity", "answers_until", "guest_list_hidden", "count_hidden",
    "replies_to_host",
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
    _times(fields, before, values, errors)
    if "visibility" in fields:
        values["visibility"] = str(fields["visibility"] or "")
        if values["visibility"] not in Visibility.values:
            errors["visibility"] = "Choose public or private."
    if "plus_ones_allowed" in fields:
        values["plus_ones_allowed"] = plus_ones = _whole_number(fields["plus_ones_allowed"])
        if not 0 <= plus_ones <= MAX_PLUS_ONES:
            errors["plus_ones_allowed"] = f"A guest can bring 0 to {MAX_PLUS_ONES} people."
    if "replies_to_host" in fields:
        values["replies_to_host"] = bool(fields["replies_to_host"])
    _places(fields, values, errors)
    errors = {name: sentence for name, sentence in errors.items() if sentence}
    if errors:
        raise Invalid(errors)
    return values


def clean_word(value: Any, field: str = "word") -> str:
    """A word of a host to her guests, as it will be stored. Raises Invalid where it is too long."""
    word = many_lines(value)
    if sentence := too_long("The word to your guests", word, WORD_LENGTH):
        raise Invalid({field: sentence})
    return word


def _places(fields: dict[str, Any], values: dict[str, Any], errors: dict[str, str]) -> None:
    for name in ("capacity", "online_capacity"):
        if name in fields:
            empty = fields[name] in (None, "")
            values[name] = capacity = None if empty else _whole_number(fields[name])
            if capacity is not None and not 1 <= capacity <= MAX_CAPACITY:
                errors[name] = f"Between 1 and {MAX_CAPACITY:,} people can come. Leave it empty for no limit."
    if "attendance" in fields:
        values["attendance"] = str(fields["attendance"] or "")
        if values["attendance"] not in Event.Attendance.values:
            errors["attendance"] = "Choose whether guests come to the place, online, or both."
    for name in SWITCHES & fields.keys():
        values[name] = bool(fields[name])
    if "fill_cutoff_hours" in fields:
        values["fill_cutoff_hours"] = hours = _whole_number(fields["fill_cutoff_hours"])
        if not 0 <= hours <= MAX_HOURS:
            errors["fill_cutoff_hours"] = f"Between 0 and {MAX_HOURS} hours before the start."
    if "offer_hours" in fields:
        values["offer_hours"] = hours = _whole_number(fields["offer_hours"])
        if not 0 <= hours <= MAX_HOURS:
            errors["offer_hours"] = f"Between 1 and {MAX_HOURS} hours to accept, or 0: places are given at once."


def _texts(fields: dict[str, Any], values: dict[str, Any], errors: dict[str, str]) -> None:
    if "title" in fields:
        values["title"] = one_line(fields["title"])
        errors["title"] = (
            too_long("The title", values["title"], TITLE_LENGTH) if values["title"] else "Give the event a title."
        )
    if "description" in fields:
        values["description"] = many_lines(fields["description"])
        errors["description"] = too_long("The description", values["description"], 5000)
    if "online_link" in fields:
        values["online_link"] = link = one_line(fields["online_link"])
        errors["online_link"] = too_long("The link", link, 500) or _link(link)
    for name, label in (("location", "The place"), ("picture_alt", "The description of the picture")):
        if name in fields:
            values[name] = one_line(fields[name])
            errors[name] = too_long(label, values[name], 300)


def _link(text: str) -> str:
    """The sentence that says what is wrong with a link, or ""."""
    try:
        if text:
            URLValidator(schemes=["https", "http"])(text)
    except ValidationError:
        return "Write the whole address, such as https://meet.example/room."
    return ""


def _times(fields: dict[str, Any], before: Event | None, values: dict[str, Any], errors: dict[str, str]) -> None:
    name = one_line(fields["timezone"]) if "timezone" in fields else (before.timezone if before else "")
    if not is_zone(name):
        if "timezone" in fields or before is None:
            errors["timezone"] = (
                f"There is no time zone {name[:64]!r}. Choose one such as Europe/Berlin."
                if name
                else "Choose the time zone of the place."
            )
        name = "UTC"
    if "timezone" in fields:
        values["timezone"] = name
    for field in ("starts_at", "ends_at", "answers_until"):
        if field in fields:
            kept = getattr(before, field) if before is not None and before.timezone == name else None
            values[field], errors[field] = _instant(fields[field], ZoneInfo(name), kept)
    start = values.get("starts_at") if "starts_at" in fields else (before.starts_at if before else None)
    end = values.get("ends_at") if "ends_at" in fields else (before.ends_at if before else None)
    if start is None:
        errors["starts_at"] = errors.get("starts_at") or "Say when the event starts."
        return
    moved = before is None or start != before.starts_at
    if moved and start < clock.now() - START_GRACE:
        errors["starts_at"] = errors.get("starts_at") or "The start is in the past. Choose a later time."
    if moved and start > clock.now() + MAX_LEAD_TIME:
        errors["starts_at"] = errors.get("starts_at") or "The start is more than five years away. Check the year."
    if end is not None and ("starts_at" in fields or "ends_at" in fields) and not errors.get("ends_at"):
        if end <= start:
            errors["ends_at"] = "The event ends before it starts. Choose a later end, or leave it empty."
        elif end - start > MAX_DURATION:
            errors["ends_at"] = "The event lasts more than a year. Check the end, or make a community of it."
    until = values.get("answers_until")
    if until is not None and until > (end or start + MAX_DURATION) and not errors.get("answers_until"):
        errors["answers_until"] = "Answers end when the event does at the latest."


def _instant(value: Any, zone: ZoneInfo, kept: datetime | None) -> tuple[datetime | None, str]:
    """The time in UTC, cut to whole minutes, and the sentence that says what is wrong with the value, or "".

    A local time that says what `kept`, the stored time, says on the clock of the zone is that time. In the hour that is
    repeated when summer time ends, a form cannot say which of the two it means; saving what was not touched changes
    nothing.
    """
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None, "This is not a time. Write it such as 2027-05-01T16:00."
    try:
        if value.tzinfo is None:
            value = _local(value, zone, kept)
            if not exists_on_the_clock(value):
                return None, f"There is no {value:%H:%M} on that day in {zone.key}: the clocks are put forward."
        return value.astimezone(UTC).replace(second=0, microsecond=0), ""
    except OverflowError:
        return None, "This is not a time of our calendar. Check the year."


def _local(value: datetime, zone: ZoneInfo, kept: datetime | None) -> datetime:
    if kept is not None and _on_the_clock(value) == _on_the_clock(kept.astimezone(zone)):
        return kept.astimezone(zone)
    return value.replace(tzinfo=zone)


def _on_the_clock(moment: datetime) -> datetime:
    """What a clock on the wall shows, to the minute. Without `fold`, which a naive time from a form does not have."""
    return moment.replace(tzinfo=None, second=0, microsecond=0, fold=0)


def _whole_number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
