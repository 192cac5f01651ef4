"""Validation of when an event takes place: zone, start, end, whole days, and until when guests answer."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone as clock
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.communities.validation import one_line
from elonara.events.models import Event
from elonara.events.times import days_of, exists_on_the_clock, whole_days
from elonara.members.time_zones import is_zone

START_GRACE = timedelta(minutes=15)  # for a form that was open for a while, or an event that starts now
MAX_LEAD_TIME = timedelta(days=5 * 366)
MAX_DURATION = timedelta(days=366)
NO_SUCH_TIME = gettext_noop("This is not a time of our calendar. Check the year.")
ENDS_FIRST = gettext_noop("The event ends before it starts. Choose a later end, or leave it empty.")
FIELDS = frozenset({"timezone", "starts_at", "ends_at", "all_day", "answers_until"})


def clean_times(fields: dict[str, Any], before: Event | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The given ones of `FIELDS` as they will be stored, in UTC, and a sentence for each wrong one.

    A naive time is a local time of the event's zone. With `all_day` the times become the whole days that they touch;
    the end is no part of the event, as with DTEND: a midnight ends the day before.
    """
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    name = _zone(fields, before, errors)
    if "timezone" in fields:
        values["timezone"] = name
    all_day = bool(fields["all_day"]) if "all_day" in fields else before is not None and before.all_day
    if "all_day" in fields:
        values["all_day"] = all_day
    given = _same_days(fields, before, name) if all_day else fields
    for field in ("starts_at", "ends_at", "answers_until"):
        if field in given:
            kept = getattr(before, field) if before is not None and before.timezone == name else None
            day = all_day and field != "answers_until"
            values[field], wrong = _instant(given[field], ZoneInfo(name), kept, day=day)
            if wrong:
                errors[field] = wrong
    start = values.get("starts_at", before.starts_at if before else None)
    end = values.get("ends_at", before.ends_at if before else None)
    if start is None:
        errors.setdefault("starts_at", _("Say when the event starts."))
        return values, errors
    if all_day and given.keys() & (FIELDS - {"answers_until"}):
        if end is not None and end < start:
            errors.setdefault("ends_at", _(ENDS_FIRST))
            return values, errors
        try:
            start, end = values["starts_at"], values["ends_at"] = whole_days(start, end, ZoneInfo(name))
        except OverflowError:
            errors["starts_at"] = _(NO_SUCH_TIME)
            return values, errors
    _check_order(start, end, values, errors, before=before, all_day=all_day)
    return values, errors


def _zone(fields: dict[str, Any], before: Event | None, errors: dict[str, str]) -> str:
    name = one_line(fields["timezone"]) if "timezone" in fields else (before.timezone if before else "")
    if is_zone(name):
        return name
    if "timezone" in fields or before is None:
        errors["timezone"] = (
            _("There is no time zone {zone}. Choose one such as Europe/Berlin.").format(zone=repr(name[:64]))
            if name
            else _("Choose the time zone of the place.")
        )
    return "UTC"


def _same_days(fields: dict[str, Any], before: Event | None, name: str) -> dict[str, Any]:
    """With another zone, whole days stay the same days, while a time would stay the same moment."""
    if before is None or not before.all_day or before.timezone == name:
        return fields
    first, last = days_of(before)
    times = {"starts_at": first, "ends_at": last + timedelta(days=1)}
    return {name: datetime.combine(day, time()) for name, day in times.items()} | fields


def _check_order(
    start: datetime,
    end: datetime | None,
    values: dict[str, Any],
    errors: dict[str, str],
    *,
    before: Event | None,
    all_day: bool,
) -> None:
    moved = before is None or start != before.starts_at
    latest = end if all_day and end is not None else start  # today as a whole day has begun, and is not over
    if moved and latest < clock.now() - START_GRACE:
        errors.setdefault("starts_at", _("The start is in the past. Choose a later time."))
    if moved and start > clock.now() + MAX_LEAD_TIME:
        errors.setdefault("starts_at", _("The start is more than five years away. Check the year."))
    if end is not None and ("starts_at" in values or "ends_at" in values):
        if end <= start:
            errors.setdefault("ends_at", _(ENDS_FIRST))
        elif end - start > MAX_DURATION:
            sentence = _("The event lasts more than a year. Check the end, or make a community of it.")
            errors.setdefault("ends_at", sentence)
    until = values.get("answers_until")
    if until is not None and until > (end or start + MAX_DURATION):
        errors.setdefault("answers_until", _("Answers end when the event does at the latest."))


def _instant(value: Any, zone: ZoneInfo, kept: datetime | None, *, day: bool) -> tuple[datetime | None, str]:
    """The time in UTC, cut to whole minutes, and the sentence that says what is wrong with the value, or "".

    A local time that says what `kept`, the stored time, says on the clock of the zone is that time. In the hour that is
    repeated when summer time ends, a form cannot say which of the two it means; saving what was not touched changes
    nothing. With `day`, only its day counts, and a time that a change of the clock leaves out is none of its concern.
    """
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None, _("This is not a time. Enter it like 2027-05-01T16:00.")
    try:
        if value.tzinfo is None:
            value = _local(value, zone, kept)
            if not day and not exists_on_the_clock(value):
                sentence = _("There is no {time} on that day in {zone}: the clocks are put forward.")
                return None, sentence.format(time=f"{value:%H:%M}", zone=zone.key)
        return value.astimezone(UTC).replace(second=0, microsecond=0), ""
    except OverflowError:
        return None, _(NO_SUCH_TIME)


def _local(value: datetime, zone: ZoneInfo, kept: datetime | None) -> datetime:
    if kept is not None and _on_the_clock(value) == _on_the_clock(kept.astimezone(zone)):
        return kept.astimezone(zone)
    return value.replace(tzinfo=zone)


def _on_the_clock(moment: datetime) -> datetime:
    """What a clock on the wall shows, to the minute. Without `fold`, which a naive time from a form does not have."""
    return moment.replace(tzinfo=None, second=0, microsecond=0, fold=0)
