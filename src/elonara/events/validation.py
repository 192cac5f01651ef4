"""Validation of what people enter about an event, with a sentence for each wrong field."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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
    errors = {name: sentence for name, sentence in errors.items() if sentence}
    if errors:
        raise Invalid(errors)
    return values


def _texts(fields: dict[str, Any], values: dict[str, Any], errors: dict[str, str]) -> None:
    if "title" in fields:
        values["title"] = one_line(fields["title"])
        errors["title"] = (
            too_long("The title", values["title"], TITLE_LENGTH) if values["title"] else "Give the event a title."
        )
    if "description" in fields:
        values["description"] = many_lines(fields["description"])
        errors["description"] = too_long("The description", values["description"], 5000)
    for name, label in (("location", "The place"), ("picture_alt", "The description of the picture")):
        if name in fields:
            values[name] = one_line(fields[name])
            errors[name] = too_long(label, values[name], 300)


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
    for field in ("starts_at", "ends_at"):
        if field in fields:
            values[field], errors[field] = _instant(fields[field], ZoneInfo(name))
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


def _instant(value: Any, zone: ZoneInfo) -> tuple[datetime | None, str]:
    """The time in UTC, cut to whole minutes, and the sentence that says what is wrong with the value, or ""."""
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None, "This is not a time. Write it such as 2027-05-01T16:00."
    if not isinstance(value, datetime):
        return None, "This is not a time. Write it such as 2027-05-01T16:00."
    try:
        if value.tzinfo is None:
            local = value.replace(tzinfo=zone)
            if not exists_on_the_clock(local):
                return None, f"There is no {value:%H:%M} on that day in {zone.key}: the clocks are put forward."
            value = local
        return value.astimezone(UTC).replace(second=0, microsecond=0), ""
    except OverflowError:
        return None, "This is not a time of our calendar. Check the year."


def _whole_number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return -1
