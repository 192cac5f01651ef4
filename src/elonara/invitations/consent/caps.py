"""How many invitations go out on which day: the caps of a host, of the relay and of one person.

A theory of operation.

**Why there are caps.** An account that mentions forty strangers in a minute looks like a spammer's, to Bluesky and to
the people who are mentioned. The caps keep a host's account from being labelled, the relay (the site's own account)
from being taken down for everybody, and one person from being invited by the whole site at once.

**What is counted.** A row takes a place on the day in its column `counted_on`; NULL takes none. A host's caps (per day,
fewer in the first week, and per any seven days) count her invitations, by post and by e-mail, and not her
announcements and updates, which mention nobody. The relay's daily cap counts every post that the relay makes for any
host. A person's cap counts what one DID or address receives from all hosts within seven days (`recipient_caps`). A row
takes its place when it is queued. One that never left gives it back when it is cancelled, suppressed or handed over; a
failed post keeps it for the next attempt, and a failed e-mail gives it back. A post that was written keeps its place
for good, also when it is deleted later: Bluesky has seen it.

**Undone posts.** An undone row keeps its place. If its invitation is sent once more, that is a second post and takes a
second place: `keep_place` moves the first one to `undone_on` and `undone_voice`, where it stays counted for host and
relay whatever becomes of the second post. An invitation can be undone and sent again once, so it takes two places at
most. A person's cap counts invitations, so there it takes one.

**Whose day.** Days are dates in the time zone of the host's sending account (`sending_days`), and what is counted are
the invitations of everybody who shares it (`accounts`). What goes today goes at once; a later day's posts start at
`DAY_STARTS_AT` her time. The relay posts for hosts in several zones, each of whose rows carries her own date, so the
relay's count begins one day earlier than the date that is asked about. A person's week ends by the UTC date, since one
person may be invited by hosts in several zones.

**Under which lock.** Counting and writing `counted_on` happen in one transaction under locks that are always taken in
this order: the host's `SendingAccount` and `HostSending` rows, the relay's `AccountLane` row if the relay posts, then
the people (`recipient_caps.lock_people`). Without the locks `days_for` is a forecast, which is enough for a preview.

**Why a cap queues.** The caps of hosts and relay never refuse: what is over waits for the first later day with room and
goes by itself, so a host chooses everybody once and need not come back. Only a person who has had her week's share is
skipped while planning, with the day from which she can be invited. `claim` asks again just before the write, because a
row may have been held back past its day, and moves it to the first day with room. Up to then the row stays queued.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import dateformat
from django.utils.translation import gettext

from elonara.bluesky.models import AccountLane
from elonara.invitations.account_models import PastInvitation, SendingAccount, SendingAccountHolder
from elonara.invitations.consent import accounts, recipient_caps, sending_days
from elonara.invitations.consent.recipient_caps import WEEK, RecipientRow
from elonara.invitations.consent.sending_days import DAY, start_of_day, today
from elonara.invitations.models import Announcement, Correction, EmailInvitation, HostSending, Invitation, Voice
from elonara.invitations.results import CapsLeft
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member
from elonara.options import Invitations

HORIZON_DAYS = 400  # days ahead that are searched for room

ToNobody = Announcement | Correction  # posts that mention nobody
CountedRow = Deliverable | EmailInvitation  # rows with `counted_on`


def lock(host: Member, relay_did: str = "") -> HostSending:
    """Lock the caps of a host, and of the relay where it posts; inside a transaction."""
    sending_days.settle(accounts.lock(host), host.timezone)
    HostSending.objects.get_or_create(host=host)
    row = HostSending.objects.select_for_update().get(host=host)
    if relay_did:
        AccountLane.objects.get_or_create(author_did=relay_did)
        AccountLane.objects.select_for_update(of=("self",)).get(author_did=relay_did)
    return row


def days_for(host: Member, count: int, *, relay: bool = False, without: RecipientRow | None = None) -> list[dt.date]:
    """The days on which `count` more invitations may go out, soonest first. A forecast unless called under `lock`.

    `without`: a row that is given a new day, and so is not counted for its old one.
    """
    caps, first, settled_in = _caps(), today(host), sending_days.first_week_until(host)
    taken = _taken(host, first, without)
    relayed = _relayed(first, without) if relay else Counter[dt.date]()
    found: list[dt.date] = []
    day = first
    for _ in range(HORIZON_DAYS):
        room = _cap_on(day, settled_in, caps) - taken[day]
        if relay:
            room = min(room, settings.ELONARA.bluesky.relay.per_day - relayed[day])
        # No seven days that contain this one may exceed the weekly cap, those that reach into the future neither.
        room = min(room, *(caps.per_week - _week(taken, day + DAY * ahead) for ahead in range(7)))
        for _ in range(max(0, min(room, count - len(found)))):
            taken[day] += 1
            relayed[day] += 1
            found.append(day)
        if len(found) == count:
            return found
        day += DAY
    # An operator sets a cap to 0 to switch sending off: the rows then wait until it is raised.
    return found + [day] * (count - len(found))


def reserve(post: ToNobody) -> None:
    """Count a post that mentions nobody for a day of the relay, in memory; under `lock`. Hosts' own are not counted."""
    relayed = post.voice == Voice.RELAY
    post.counted_on = _day_at_relay(post) if relayed else None


def keep_place(row: Invitation) -> None:
    """Keep the first post of an undone row counted when the row is sent again; under `lock`."""
    row.undone_on, row.undone_voice = row.counted_on, row.voice
    row.counted_on = None
    row.save(update_fields=["undone_on", "undone_voice", "counted_on"])


def claim(row: CountedRow) -> dt.datetime | None:
    """Take a place on today for a row that is about to go: None if it has one, else when its new day begins.

    A row that was counted for today keeps its place. Any other moves to the first day with room, which may be today.
    """
    host, relay = row.host, not isinstance(row, EmailInvitation) and row.voice == Voice.RELAY
    if row.counted_on == today(host):
        return None  # counted for today under the lock, and nobody else moves it
    if isinstance(row, ToNobody) and not relay:
        return None
    with transaction.atomic():
        lock(host, row.author_did if relay and not isinstance(row, EmailInvitation) else "")
        now = today(host)
        if row.counted_on == now:
            return None
        day = _day_at_relay(row) if isinstance(row, ToNobody) else _day_for_person(row, relay=relay)
        type(row)._default_manager.filter(pk=row.pk).update(counted_on=day)
        row.counted_on = day
    return None if day == now else start_of_day(host, day)


def remaining(host: Member, account: SendingAccount | None = None) -> CapsLeft:
    """What the host may still send today and this week. `account`: her sending account, where it was read already."""
    account = account or accounts.find(host)
    caps, now, settled_in = _caps(), sending_days.today_of(account, host), sending_days.first_week_of(account, host)
    taken = _taken_at_once(host, now)
    per_day = _cap_on(now, settled_in, caps)
    week = max(0, caps.per_week - _week(taken, now))
    return CapsLeft(
        today=max(0, min(per_day - taken[now], week)),
        this_week=week,
        per_day=per_day,
        per_week=caps.per_week,
        per_send=caps.per_send,
        first_week=now < settled_in,
    )


def schedule_in_words(days: list[dt.date], now: dt.date) -> tuple[int, list[tuple[dt.date, int]], str]:
    """How many today, how many on each later day, and both as words: "30 today, 10 tomorrow"."""
    counted = Counter(days)
    later = sorted((day, number) for day, number in counted.items() if day != now)
    parts = [gettext("{count} today").format(count=counted[now])] if counted[now] else []
    for day, number in later:
        if day == now + DAY:
            parts.append(gettext("{count} tomorrow").format(count=number))
        else:
            parts.append(gettext("{count} on {day}").format(count=number, day=dateformat.format(day, "j F")))
    return counted[now], later, ", ".join(parts)


def _caps() -> Invitations:
    caps: Invitations = settings.ELONARA.invitations
    return caps


def _cap_on(day: dt.date, settled_in: dt.date, caps: Invitations) -> int:
    return min(caps.per_day, caps.first_week_per_day) if day < settled_in else caps.per_day


def _taken(host: Member, first: dt.date, without: RecipientRow | None = None) -> Counter[dt.date]:
    """The places taken from the host's caps by day, from a week before `first`."""
    hosts = accounts.members_of(host)
    rows = Invitation.objects.filter(host__in=hosts, counted_on__gt=first - WEEK)
    emails = EmailInvitation.objects.filter(host__in=hosts, counted_on__gt=first - WEEK)
    undone = Invitation.objects.filter(host__in=hosts, undone_on__gt=first - WEEK)
    past = Counter(_numbers(accounts.past(host).filter(counted_on__gt=first - WEEK), "counted_on"))
    return _by_day(rows, without) + _by_day(emails, without) + Counter(_numbers(undone, "undone_on")) + past


def _taken_at_once(host: Member, first: dt.date) -> Counter[dt.date]:
    """The same as `_taken`, in one query: for a page, which writes nothing."""
    since = first - WEEK
    sharing = SendingAccountHolder.objects.filter(account__holders__member=host).values("member")
    hers = Q(host=host) | Q(host__in=sharing)
    rows = [
        (Invitation.objects.filter(hers, counted_on__gt=since), "counted_on"),
        (EmailInvitation.objects.filter(hers, counted_on__gt=since), "counted_on"),
        (Invitation.objects.filter(hers, undone_on__gt=since), "undone_on"),
        (accounts.past(host).filter(counted_on__gt=since), "counted_on"),
    ]
    parts = [some.order_by().values_list(day).annotate(number=Count(day)) for some, day in rows]
    taken = Counter[dt.date]()
    for day, number in parts[0].union(*parts[1:], all=True):
        taken[day] += number
    return taken


def _relayed(first: dt.date, without: CountedRow | None) -> Counter[dt.date]:
    """The places taken from the relay's cap by day."""
    relayed = {"voice": Voice.RELAY, "counted_on__gte": first - DAY}
    people = _by_day(Invitation.objects.filter(**relayed), without)
    undone = Invitation.objects.filter(undone_voice=Voice.RELAY, undone_on__gte=first - DAY)
    announced = _by_day(Announcement.objects.filter(**relayed), without)
    corrected = _by_day(Correction.objects.filter(**relayed), without)
    past = PastInvitation.objects.filter(relayed=True, counted_on__gte=first - DAY)
    return (
        people + announced + corrected + Counter(_numbers(undone, "undone_on")) + Counter(_numbers(past, "counted_on"))
    )


def _day_at_relay(post: ToNobody) -> dt.date:
    """The first day on which the relay has room for a post that mentions nobody."""
    first = today(post.host)
    relayed, per_day = _relayed(first, post), settings.ELONARA.bluesky.relay.per_day
    days = (first + DAY * ahead for ahead in range(HORIZON_DAYS))
    return next((day for day in days if relayed[day] < per_day), first + DAY * HORIZON_DAYS)


def _day_for_person(row: Invitation | EmailInvitation, *, relay: bool) -> dt.date:
    """The first day on which the caps of the host and of the person have room for a row; locks the person."""
    person = row.invitee_did if isinstance(row, Invitation) else row.address_hash
    recipient_caps.lock_people([person])
    day = days_for(row.host, 1, relay=relay, without=row)[0]
    if isinstance(row, Invitation):
        full = recipient_caps.person_caps([person], without=row)
    else:
        full = recipient_caps.address_caps([person], without=row)
    return max(day, full.get(person, day))


def _by_day(rows: QuerySet[Any], without: CountedRow | None) -> Counter[dt.date]:
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    return Counter(_numbers(rows, "counted_on"))


def _numbers(rows: QuerySet[Any], day: str) -> dict[dt.date, int]:
    return dict(rows.order_by().values_list(day).annotate(number=Count(day)))  # the day alone: read in the index


def _week(taken: Counter[dt.date], last: dt.date) -> int:
    """The places taken on the seven days that end with `last`."""
    return sum(taken[last - DAY * back] for back in range(7))
