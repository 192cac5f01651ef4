"""Doing an event again: what a host begins with, and the new event once she presses.

Only those who run an event read it so, because its place, its link and its settings come along. The day is hers to
choose; proposed is the same weekday and time in a week in which she has nothing else. Its guests are not invited by
themselves: they, and who was invited, are the first list from which she picks people.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone as clock
from django.utils.translation import gettext as _

from elonara.communities import queries as communities
from elonara.events import actions, queries
from elonara.events.guests import questions
from elonara.events.models import Event, EventHost
from elonara.events.times import days_of, exists_on_the_clock
from elonara.events.validation.fields import SETTINGS
from elonara.members.actions import require_active
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.time_zones import zone

WEEK: Final = timedelta(weeks=1)
LEAD_TIME: Final = timedelta(days=1)  # nothing is proposed that begins sooner
MAX_WEEKS: Final = 52  # in which a free one is looked for
MAX_TAKEN: Final = 500
COPIED: Final = SETTINGS - {"answers_until"} | {
    "title", "all_day", "timezone", "description", "location", "visibility", "picture_alt",
}  # fmt: skip


def require_repeatable(event: Event, by: Member) -> None:
    """Raise NotAllowed unless the member may copy the event."""
    require_active(by)
    if not queries.may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event can copy it."), "not_host")
    if event.hidden_at is not None:
        sentence = _("This event has been hidden by the operator of this site. It cannot be copied.")
        raise NotAllowed(sentence, "hidden")


def next_start(event: Event, host: Member, *, now: datetime | None = None) -> datetime:
    """The proposed start, on the clock of the event's zone: its weekday and time, in the first free week to come.

    A week is free where the host neither runs nor goes to anything at that time. One in which a change of the clock
    leaves out one of the event's times is passed over.
    """
    tz, now = zone(event.timezone), now or clock.now()
    local, length = _local(event, event.starts_at), queries.ends(event) - event.starts_at
    earliest = now + LEAD_TIME
    weeks = max(1, (earliest - event.starts_at) // WEEK)
    possible = [
        start.replace(tzinfo=tz)
        for start in (local + week * WEEK for week in range(weeks, weeks + MAX_WEEKS))
        if start.replace(tzinfo=tz) > earliest and (event.all_day or _exist(times_from(event, start), tz))
    ]
    taken = _taken(host, now)
    free = (start for start in possible if not _overlaps(start.astimezone(UTC), length, taken))
    return next(free, possible[0])


def times_from(event: Event, start: datetime) -> dict[str, Any]:
    """The times of an event that begins at `start`: each as far from it, on the clock of the zone, as it was before.

    All are naive, times on that clock.
    """
    moved = start - _local(event, event.starts_at)
    until = _local(event, event.answers_until) + moved if event.answers_until else None
    if event.all_day:
        first, last = days_of(event)
        midnight = datetime.combine(start.date() + (last - first) + timedelta(days=1), time())
        return {"starts_at": start, "ends_at": midnight, "answers_until": until}
    ends_at = _local(event, event.ends_at) + moved if event.ends_at else None
    if event.ends_at and ends_at and ends_at <= start:  # it ended in the hour that is repeated in autumn
        ends_at = start + (event.ends_at - event.starts_at)
    return {"starts_at": start, "ends_at": ends_at, "answers_until": until}


def fields_of(event: Event, host: Member, starts_at: datetime, timezone: str = "") -> dict[str, Any]:
    """What `create` takes so that everything is as it was, in the event's zone or another `timezone`.

    `starts_at` is aware, or on the clock of that zone. Replies of guests go to the host's address only where she
    decided that herself.
    """
    start = starts_at.astimezone(zone(timezone or event.timezone)) if starts_at.tzinfo else starts_at
    fields = {name: getattr(event, name) for name in COPIED} | times_from(event, start.replace(tzinfo=None))
    fields["replies_to_host"] = event.replies_to_host and queries.role_of(event, host) == EventHost.Role.HOST
    group = event.community
    open_to_her = group is not None and not group.closed_at and communities.may_add_events(group, host)
    return fields | {"starts_at": starts_at, "community": group if open_to_her else None}


def cover_shift(of: Event) -> int:
    """The `Event.cover_shift` of the next copy: one further than those of the event and of its copies until now."""
    return of.cover_shift + 1 + Event.objects.filter(repeats=of).count()


def create(host: Member, *, of: Event, same_picture: bool = True, picture: Any = None, **fields: Any) -> Event:
    """Make the new event; `fields` as for `actions.create`. The questions to guests are asked again.

    The picture is `picture`, else with `same_picture` that of the earlier event. Raises NotAllowed and Invalid.
    """
    require_repeatable(of, host)
    same = _copied(of) if same_picture and not picture else None
    with transaction.atomic():
        event = actions.create(host, picture=picture, **fields)
        event.repeats, event.cover_shift = of, cover_shift(of)
        if same is not None:
            event.picture.save(same.name or "", same, save=False)
        event.save(update_fields=["repeats", "cover_shift", "picture"])
        asked = [_question(row) for row in questions.of_event(of)]
        if asked:
            questions.ask(event, host, asked)
    return event


def _copied(event: Event) -> ContentFile[bytes] | None:
    """The picture of an event as a file of another name; it was checked when it was uploaded."""
    if not event.picture or not event.picture.storage.exists(str(event.picture.name)):
        return None
    with event.picture.open("rb") as file:
        return ContentFile(file.read(), name=f"{secrets.token_hex(12)}.jpg")


def _question(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("text", "kind", "required", "options")}


def _exist(times: dict[str, Any], tz: tzinfo) -> bool:
    return all(exists_on_the_clock(moment.replace(tzinfo=tz)) for moment in times.values() if moment is not None)


def _overlaps(start: datetime, length: timedelta, taken: list[tuple[datetime, datetime]]) -> bool:
    return any(begins < start + length and start < ends for begins, ends in taken)


def _taken(host: Member, now: datetime) -> list[tuple[datetime, datetime]]:
    """From when until when the host runs or goes to something, in the future."""
    rows = queries.upcoming(host, now=now).filter(status=Event.Status.SCHEDULED).prefetch_related(None)
    times = rows.order_by("starts_at").values_list("starts_at", "ends_at")[:MAX_TAKEN]
    return [(starts, ends or starts + queries.DEFAULT_DURATION) for starts, ends in times]


def _local(event: Event, moment: datetime) -> datetime:
    return moment.astimezone(zone(event.timezone)).replace(tzinfo=None, fold=0)
