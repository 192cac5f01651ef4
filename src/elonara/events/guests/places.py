"""Places: how many people can come to an event, who has one, and who waits for one.

A guest with the answer "going" has a place, and one for each person that she brings. Where an event has a capacity and
it is reached, "going" becomes "waiting"; who waits is ordered by when we saw the answer. A place that becomes free goes
to the first who waits and fits, or is offered to her (`offers`): nobody overtakes, so somebody who brings three others
holds up those behind her only until enough places are free. What is offered is taken until the offer ends.

Every change of places happens in a transaction that has locked the event's row first (`lock`): so two answers at the
same moment cannot take one place twice, on SQLite (whose write transactions exclude each other) and on PostgreSQL; and
of taking an offer, its end and a withdrawal whichever gets the lock first counts.
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara import jobs
from elonara.events import hooks
from elonara.events.guests import offers
from elonara.events.messages.models import MessageKind
from elonara.events.messages.telling import tell
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over, may_manage
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

GOING, WAITING, OFFERED = Rsvp.Choice.GOING, Rsvp.Choice.WAITING, Rsvp.Choice.OFFERED
HOLDING: Final = (GOING, OFFERED)  # who takes places
SETTINGS: Final = frozenset(
    {"attendance", "capacity", "online_capacity", "fills_by_itself", "offer_hours", "fill_cutoff_hours", "starts_at"}
)
MAX_SECONDS: Final = 60.0  # of one run of a periodic task
# Nobody is told what happens to it.
HIDDEN: Final = gettext_noop("This event has been hidden by the operator of this site.")
NO_LIST: Final[dict[str, Any]] = {"waiting_since": None, "offered_until": None, "offer_ended_at": None}


def lock(event: Event) -> Event:
    """The event's row as it is now, locked until the end of the transaction. Offers that ran out have passed on."""
    locked = Event.objects.select_for_update().get(pk=event.pk)
    if offers.run_out(locked):
        fill(locked)
    return locked


def ways(event: Event) -> tuple[bool, ...]:
    """How guests can come: to the place (False), online (True)."""
    return (False, True) if event.attendance == Event.Attendance.BOTH else (event.comes_online(False),)


def limit(event: Event, online: bool = False) -> int | None:
    """How many people can come: to the place, or online. None: any number."""
    return event.online_capacity if online else event.capacity


def taken(event: Event, online: bool | None = None) -> int:
    """How many people have a place, or an offer of one: there, online, or (None) both."""
    rows = Rsvp.objects.filter(event=event, choice__in=HOLDING)
    return _people(rows if online is None else rows.filter(online=online))


def left(event: Event, online: bool = False) -> int | None:
    """How many places are free, None where there is no limit."""
    most = limit(event, online)
    return None if most is None else max(0, most - taken(event, online))


def anybody_waits(event: Event, online: bool = False) -> bool:
    """Whether somebody waits for a place, and has not let an offer run out."""
    return bool(_waiting(event, online).exists())


def position(row: Rsvp) -> int:
    """The place of a waiting answer in the order, from 1; 0 where it does not wait."""
    if row.choice != WAITING:
        return 0
    waiting = Rsvp.objects.filter(event=row.event_id, choice=WAITING, online=row.online)
    return _ahead_of(row, waiting).count() + 1


def placed(event: Event, row: Rsvp | None, values: dict[str, Any]) -> dict[str, Any]:
    """The values of an answer as they are stored: "going" becomes "waiting" where no place is free.

    `event` is locked, `row` the person's answer until now. Who takes an offer that ran out keeps her place in the
    order. Raises Invalid where somebody who has a place wants to bring more people than there are places, or to come
    the other way where no place is free: she keeps what she has.
    """
    online = values["online"]
    most = limit(event, online)
    if values["choice"] != GOING or most is None:
        return values | NO_LIST
    others = Rsvp.objects.filter(event=event, choice__in=HOLDING, online=online)
    free = most - _people(others.exclude(pk=row.pk if row and row.pk else 0))
    wanted = 1 + values["plus_ones"]
    stays = row is not None and row.online == online
    if row is not None and row.choice in HOLDING and stays:
        if wanted > max(free, 1 + row.plus_ones):
            raise Invalid({"plus_ones": _too_many(max(free, 1 + row.plus_ones) - 1)})
        return values | NO_LIST
    waits, moves = _waiting(event, online), True
    if row is not None and row.choice == WAITING and stays:
        # Pressing again does not lead around the host's hand or the cut-off.
        waits, moves = _ahead_of(row, waits), event.fills_by_itself and offers.still_fills(event)
    if moves and wanted <= free and not waits.exists():
        return values | NO_LIST
    if row is not None and row.choice in HOLDING:
        there, there_online = (
            _("All places on site are taken. You keep yours."),
            _("All places online are taken. You keep yours."),
        )
        raise Invalid({"online": there_online if online else there})
    since = row.waiting_since if row is not None and row.choice == WAITING and stays else None
    return values | {"choice": WAITING, "waiting_since": since or timezone.now()}


def fill(event: Event) -> list[Rsvp]:
    """Give or offer free places to those who wait, in their order. `event` is locked. Returns who has got one."""
    if is_cancelled(event) or is_over(event) or event.hidden_at is not None:
        return []
    return [row for online in ways(event) for row in _fill(event, online=online)]


def _fill(event: Event, *, online: bool) -> list[Rsvp]:
    rows, most = _waiting(event, online), limit(event, online)
    free: int | None = None
    if most is None:
        rows = Rsvp.objects.filter(event=event, choice__in=(WAITING, OFFERED), online=online).order_by(*_ORDER)
    elif event.fills_by_itself and offers.still_fills(event):
        free = most - taken(event, online)
    else:
        return []
    reached = []
    for row in rows:
        if free is not None:
            if 1 + row.plus_ones > free:
                break
            free -= 1 + row.plus_ones
        if free is not None and event.offer_hours:
            offers.make(event, row)
        else:
            _promote(event, row)
        reached.append(row)
    return reached


def give(event: Event, by: Member, rsvp_id: Any) -> Rsvp:
    """Give a place to somebody who waits, whatever the order and the capacity say: the host decides.

    Raises NotAllowed.
    """
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event can give places."), "not_host")
    with transaction.atomic():
        locked = lock(event)
        if locked.hidden_at is not None:
            raise NotAllowed(_(HIDDEN), "hidden")
        if is_cancelled(locked) or is_over(locked):
            raise NotAllowed(_("This event is over or cancelled."), "closed")
        row = Rsvp.objects.filter(event=event, pk=rsvp_id, choice__in=(WAITING, OFFERED)).first()
        if row is None:
            raise NotAllowed(_("This person is no longer waiting."), "not_waiting")
        _promote(locked, row)
        return row


def settings_changed(event: Event, fields: frozenset[str]) -> None:
    """Listener of `hooks.on_change`: give the places that a host has added. After a kill, `fill_all` does it."""
    if fields & SETTINGS:
        with transaction.atomic():
            locked = lock(event)
            offers.shorten(locked)
            fill(locked)


def fill_all() -> int:
    """Fill places that became free without an answer, such as when an account was deleted; how many people got one.

    For a periodic task. In any order, so that each event has its turn where there are more than one run gets through.
    """
    waiting = Rsvp.objects.filter(choice=WAITING, event__status=Event.Status.SCHEDULED, event__hidden_at=None)
    return _each(waiting.order_by().values_list("event_id", flat=True).distinct().order_by("?"))


def pass_offers_on() -> int:
    """End the offers that have run out, and offer their places to the next; how many events that concerned.

    For a periodic task. A press that comes before it is judged by the time all the same (`lock`).
    """
    return _each(offers.events_with_ended())


def _each(events: Any) -> int:
    reached, began = 0, time.monotonic()
    for pk in list(events):
        if jobs.stopping() or time.monotonic() - began > MAX_SECONDS:
            break
        with transaction.atomic():
            event = Event.objects.select_for_update().filter(pk=pk).first()
            if event is not None:
                reached += offers.run_out(event) + len(fill(event))
    return reached


def told(event: Event) -> str:
    """What a guest is told who has got a place."""
    return _("You have a place at {event}.").format(event=event.title)


def _promote(event: Event, row: Rsvp) -> None:
    # `answered_at` stays: it says when the person answered, not when a place became free.
    Rsvp.objects.filter(pk=row.pk).update(choice=GOING, **NO_LIST)
    row.choice, row.waiting_since, row.offered_until, row.offer_ended_at = GOING, None, None, None
    tell(event, row, MessageKind.PLACE, told(event))
    hooks.rsvp_saved(row)


_ORDER: Final = ("waiting_since", "pk")


def _waiting(event: Event, online: bool) -> QuerySet[Rsvp]:
    """Who waits, in order. Where places are offered, without those who have not answered since an offer ran out."""
    rows = Rsvp.objects.filter(event=event, choice=WAITING, online=online).order_by(*_ORDER)
    return rows.exclude(offers.SILENT) if event.offer_hours else rows


def _ahead_of(row: Rsvp, rows: QuerySet[Rsvp]) -> QuerySet[Rsvp]:
    return rows.filter(Q(waiting_since__lt=row.waiting_since) | Q(waiting_since=row.waiting_since, pk__lt=row.pk))


def _people(rows: QuerySet[Rsvp]) -> int:
    totals = rows.aggregate(answers=Count("pk"), more=Sum(F("plus_ones")))
    return int(totals["answers"]) + int(totals["more"] or 0)


def _too_many(most: int) -> str:
    if most <= 0:
        return _("There are no more places, so you cannot bring anyone.")
    sentence = ngettext(
        "There are not enough places: you can bring {count} person.",
        "There are not enough places: you can bring {count} people.",
        most,
    )
    return sentence.format(count=most)
