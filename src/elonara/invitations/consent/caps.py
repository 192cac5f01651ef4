"""How many invitations go out on which day. A cap never refuses: what is over waits for a later day.

Days are the host's own. `counted_on` of a row is the day it takes from; it is given and moved under her lock row.

A host's caps count her invitations and not her announcements, the relay's count every post that it makes. A post that
was taken back keeps its place: Bluesky has seen it. If its invitation is sent once more, that is a second post and
takes a second place; `undone_on` remembers the first one's. A person's own cap counts the invitation once.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from elonara.bluesky.models import AccountLane
from elonara.invitations.models import Announcement, EmailInvitation, EmailState, HostSending, Invitation, Voice
from elonara.invitations.results import CapsLeft
from elonara.invitations.targets import Target
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member
from elonara.members.time_zones import zone
from elonara.options import Invitations

WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
DAY_STARTS_AT = dt.time(9)  # when the share of a later day begins
HORIZON_DAYS = 400  # days

RecipientRow = Invitation | EmailInvitation  # what takes from a host's share, by post or by letter
CountedRow = Deliverable | EmailInvitation  # what takes from any share


def today(host: Member, now: dt.datetime | None = None) -> dt.date:
    """The host's own date."""
    return (now or timezone.now()).astimezone(zone(host.timezone)).date()


def start_of_day(host: Member, day: dt.date) -> dt.datetime:
    """When the posts of a later day start: nine in the morning where the host lives."""
    return dt.datetime.combine(day, DAY_STARTS_AT, tzinfo=zone(host.timezone))


def lock(host: Member, relay_did: str = "") -> HostSending:
    """Lock what the caps are counted under; inside a transaction. The relay's share has a lock of its own."""
    HostSending.objects.get_or_create(host=host)
    row = HostSending.objects.select_for_update().get(host=host)
    if relay_did:
        AccountLane.objects.get_or_create(author_did=relay_did)
        AccountLane.objects.select_for_update(of=("self",)).get(author_did=relay_did)
    return row


def lock_people(dids: Iterable[str]) -> None:
    """Keep two hosts from counting the same people at once; inside a transaction.

    SQLite has one writer at a time already (BEGIN IMMEDIATE).
    """
    if connection.vendor == "postgresql":
        # Sorted, so that all transactions take them in one order.
        names = [f"elonara.person:{did}" for did in sorted(set(dids))]
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"
        with connection.cursor() as cursor:
            cursor.execute(lock, [names])


def days_for(host: Member, count: int, *, relay: bool = False, without: RecipientRow | None = None) -> list[dt.date]:
    """The days on which `count` more invitations may go out, soonest first. Binding under `lock` alone."""
    caps, first = _caps(), today(host)
    taken = _taken(host, first, without)
    relayed = _relayed(first, without) if relay else Counter[dt.date]()
    found: list[dt.date] = []
    day = first
    for _ in range(HORIZON_DAYS):
        room = _cap_on(host, day, caps) - taken[day]
        if relay:
            room = min(room, settings.ELONARA.bluesky.relay.per_day - relayed[day])
        # No seven days that hold this one may exceed the week's share, those ahead neither.
        room = min(room, *(caps.per_week - _week(taken, day + DAY * ahead) for ahead in range(7)))
        for _ in range(max(0, min(room, count - len(found)))):
            taken[day] += 1
            relayed[day] += 1
            found.append(day)
        if len(found) == count:
            return found
        day += DAY
    # A cap of 0 is an operator's way of switching sending off: the rows wait until it is raised.
    return found + [day] * (count - len(found))


def reserve(announcement: Announcement) -> None:
    """Take a day's share for an announcement of the relay, in memory; under `lock`. A host's own takes none."""
    relayed = announcement.voice == Voice.RELAY
    announcement.counted_on = _day_of_relay(announcement) if relayed else None


def keep_place(row: Invitation) -> None:
    """Keep the place of an undone row that is to be sent again, whatever becomes of its second post; under `lock`."""
    row.undone_on, row.undone_voice = row.counted_on, row.voice
    row.counted_on = None
    row.save(update_fields=["undone_on", "undone_voice", "counted_on"])


def claim(row: CountedRow) -> dt.datetime | None:
    """Take today's share for a row that is about to go; None, or when its turn comes if today is full.

    A row that was counted for today keeps its place. One that had to wait moves to the first day with room.
    """
    host, relay = row.host, not isinstance(row, EmailInvitation) and row.voice == Voice.RELAY
    if row.counted_on == today(host):
        return None  # it was given this day under the lock, and nobody else gives it another
    if isinstance(row, Announcement) and not relay:
        return None
    with transaction.atomic():
        lock(host, row.author_did if relay and not isinstance(row, EmailInvitation) else "")
        now = today(host)
        if row.counted_on == now:
            return None
        day = _day_of_relay(row) if isinstance(row, Announcement) else _day_of_person(row, relay=relay)
        type(row)._default_manager.filter(pk=row.pk).update(counted_on=day)
        row.counted_on = day
    return None if day == now else start_of_day(host, day)


def remaining(host: Member) -> CapsLeft:
    """What the host may still send today and within the last seven days' share."""
    caps, now = _caps(), today(host)
    taken = _taken(host, now)
    per_day = _cap_on(host, now, caps)
    week = max(0, caps.per_week - _week(taken, now))
    return CapsLeft(
        today=max(0, min(per_day - taken[now], week)),
        this_week=week,
        per_day=per_day,
        per_week=caps.per_week,
        per_send=caps.per_send,
        first_week=_in_first_week(host, now),
    )


def person_caps(
    dids: Iterable[str], *, without: Invitation | None = None, apart_from: Target | None = None
) -> dict[str, dt.date]:
    """Those who have had their share of the site's invitations this week, with the day on which it ends.

    What a person gets for one target again takes the place it had, if it still has it: `without` that row, or
    `apart_from` all rows of the target.
    """
    dids = list(dids)
    rows = Invitation.objects.filter(invitee_did__in=dids)
    if apart_from is not None:
        rows = rows.exclude(**apart_from.only)
    return _shares_end(dids, rows, "invitee_did", without)


def address_caps(hashes: Iterable[str], *, without: EmailInvitation | None = None) -> dict[str, dt.date]:
    """The same for letters, by the hash of the address."""
    hashes = list(hashes)
    on_the_way = (EmailState.QUEUED, EmailState.SENT)
    rows = EmailInvitation.objects.filter(address_hash__in=hashes, state__in=on_the_way)
    return _shares_end(hashes, rows, "address_hash", without)


def _shares_end(who: list[str], rows: QuerySet[Any], column: str, without: RecipientRow | None) -> dict[str, dt.date]:
    most, now = _caps().per_person_per_week, timezone.now().date()
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    days: dict[str, list[dt.date]] = {}
    rows = rows.filter(counted_on__gt=now - WEEK).order_by("counted_on")
    for one, day in rows.values_list(column, "counted_on"):
        days.setdefault(one, []).append(day)
    if most < 1:
        return dict.fromkeys(who, now + WEEK)
    return {one: found[-most] + WEEK for one, found in days.items() if len(found) >= most}


def schedule_in_words(days: list[dt.date], now: dt.date) -> tuple[int, list[tuple[dt.date, int]], str]:
    """How many today, how many on which later day, and both in a sentence part: "30 today, 10 tomorrow"."""
    counted = Counter(days)
    later = sorted((day, number) for day, number in counted.items() if day != now)
    parts = [f"{counted[now]} today"] if counted[now] else []
    for day, number in later:
        parts.append(f"{number} tomorrow" if day == now + DAY else f"{number} on {day.day} {day:%B}")
    return counted[now], later, ", ".join(parts)


def _caps() -> Invitations:
    caps: Invitations = settings.ELONARA.invitations
    return caps


def _in_first_week(host: Member, day: dt.date) -> bool:
    return day < host.date_joined.astimezone(zone(host.timezone)).date() + WEEK


def _cap_on(host: Member, day: dt.date, caps: Invitations) -> int:
    return min(caps.per_day, caps.first_week_per_day) if _in_first_week(host, day) else caps.per_day


def _taken(host: Member, first: dt.date, without: RecipientRow | None = None) -> Counter[dt.date]:
    rows = Invitation.objects.filter(host=host, counted_on__gt=first - WEEK)
    letters = EmailInvitation.objects.filter(host=host, counted_on__gt=first - WEEK)
    taken_back = Invitation.objects.filter(host=host, undone_on__gt=first - WEEK)
    return _by_day(rows, without) + _by_day(letters, without) + Counter(_numbers(taken_back, "undone_on"))


def _relayed(first: dt.date, without: CountedRow | None) -> Counter[dt.date]:
    relayed = {"voice": Voice.RELAY, "counted_on__gte": first - DAY}
    people = _by_day(Invitation.objects.filter(**relayed), without)
    taken_back = Invitation.objects.filter(undone_voice=Voice.RELAY, undone_on__gte=first - DAY)
    announced = _by_day(Announcement.objects.filter(**relayed), without)
    return people + announced + Counter(_numbers(taken_back, "undone_on"))


def _day_of_relay(announcement: Announcement) -> dt.date:
    """The first day on which the relay has room for it."""
    first = today(announcement.host)
    relayed, most = _relayed(first, announcement), settings.ELONARA.bluesky.relay.per_day
    days = (first + DAY * ahead for ahead in range(HORIZON_DAYS))
    return next((day for day in days if relayed[day] < most), first + DAY * HORIZON_DAYS)


def _day_of_person(row: Invitation | EmailInvitation, *, relay: bool) -> dt.date:
    """The first day on which the host, and the site for this person, have room for it; locks the person."""
    who = row.invitee_did if isinstance(row, Invitation) else row.address_hash
    lock_people([who])
    day = days_for(row.host, 1, relay=relay, without=row)[0]
    full = person_caps([who], without=row) if isinstance(row, Invitation) else address_caps([who], without=row)
    return max(day, full.get(who, day))


def _by_day(rows: QuerySet[Any], without: CountedRow | None) -> Counter[dt.date]:
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    return Counter(_numbers(rows, "counted_on"))


def _numbers(rows: QuerySet[Any], day: str) -> dict[dt.date, int]:
    return dict(rows.order_by().values_list(day).annotate(number=Count("pk")))


def _week(taken: Counter[dt.date], last: dt.date) -> int:
    return sum(taken[last - DAY * back] for back in range(7))
