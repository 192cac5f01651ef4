"""What a page says about the places of an event."""

from __future__ import annotations

from dataclasses import dataclass

from elonara.events.guests import approval, closing, offers, places
from elonara.events.models import Event, Rsvp
from elonara.events.queries import ends, is_over
from elonara.events.times import moment_phrase

DONE = {
    "going": "You are going. {until}",
    "maybe": "You answered Maybe. {until}",
    "cant": "You answered Can’t. Thank you for saying so.",
}


@dataclass(frozen=True)
class Places:
    """Whether the event is full for this viewer, and what to say about it ("" where there is no limit)."""

    full: bool
    sentence: str
    silent: bool = False  # the viewer let an offer run out, and has not answered since
    closed: bool = False  # the time for answers is over
    pressed: str = "going"  # the button that says how the viewer comes, where an event has two
    online_full: bool = False  # the same as `full` for those who come online
    asks: bool = False  # the viewer's "going" asks the hosts first
    until: str = ""  # until when the answer can be changed, "" once it cannot


def places_of(event: Event, mine: Rsvp | None, *, manages: bool = False) -> Places:
    """The places as one viewer reads about them, who answered `mine`. No query where the event has no limit."""
    online = event.comes_online(mine is not None and mine.online)
    pressed = "online" if online and event.attendance == Event.Attendance.BOTH else "going"
    asks = event.approval and not manages and not approval.is_settled(mine)
    closed = closing.is_closed(event)
    counts = manages or not event.count_hidden
    found = {way: _of_one_way(event, way, counts) for way in places.ways(event)}
    full, _ = found[event.comes_online(False)]
    online_full, _ = found.get(True, (False, ""))
    said = [sentence for _, sentence in found.values()] + (["The hosts accept each guest."] if asks else [])
    own = waiting_words(event, mine) if mine is not None else ""
    return Places(
        full=full,
        sentence=own or (_CLOSED if closed else " ".join(filter(None, said))),
        silent=mine is not None and offers.silent_since(mine) is not None,
        closed=closed,
        pressed=pressed,
        online_full=online_full,
        asks=asks,
        until=until_words(event),
    )


def until_words(event: Event) -> str:
    """Until when an answer can be given or changed, "" once it cannot."""
    if closing.is_closed(event) or is_over(event):
        return ""
    if event.answers_until is not None and event.answers_until < ends(event):
        return f"You can change it until {moment_phrase(event, event.answers_until)}."
    return "You can change it until the event is over."


def _of_one_way(event: Event, online: bool, counts: bool) -> tuple[bool, str]:
    """Whether one way to come is full, and what to say about its places. No query where it has no limit."""
    most = places.limit(event, online)
    if most is None:
        return False, ""
    free = places.left(event, online) or 0
    waits = places.anybody_waits(event, online)
    full = free == 0 or waits
    on = "" if event.attendance != Event.Attendance.BOTH else " online" if online else " on site"
    if free == 0:
        return full, f"All {most} places{on} are taken." if counts else f"All places{on} are taken."
    if waits:  # somebody who brings others and does not fit yet, or whom the hosts have not given a place
        return full, f"Other people are waiting for the places{on} that are left."
    return full, f"{free} of {most} places{on} {'is' if free == 1 else 'are'} left." if counts else ""


def shown_answer(mine: Rsvp | None, event: Event | None) -> str:
    """The answer as pages show it, "" for none, `online` for who is going online to an event that others go to."""
    if mine is None:
        return ""
    both = event is not None and event.attendance == Event.Attendance.BOTH
    if both and mine.online and mine.choice == Rsvp.Choice.GOING:
        return "online"
    return offers.choice_now(mine)


def answered_words(event: Event, row: Rsvp) -> str:
    """What is said after an answer: what became of it, which is not always what was pressed."""
    said = DONE.get(row.choice, "").format(until=until_words(event)).strip()
    return said or waiting_words(event, row)


def waiting_words(event: Event, row: Rsvp) -> str:
    """How it stands for who asked, waits or has an offer, and what the hosts said; "" for who waits for nothing."""
    if offers.is_open(row) and row.offered_until is not None:
        return f"A place is kept for you until {moment_phrase(event, row.offered_until)}. Do you want it?"
    if ended := offers.silent_since(row):
        return f"The time to take your place ran out on {moment_phrase(event, ended)}. {_STILL}"
    if row.choice == Rsvp.Choice.ASKED:
        return "You asked to come. The hosts decide, and you will see it here."
    if row.choice == Rsvp.Choice.REFUSED:
        return f"The hosts have declined. {row.word}".strip()
    number = places.position(row)
    if not number:
        return f"The hosts write: {row.word}" if row.word and row.accepted_at and row.choice == "going" else ""
    before = "You are next" if number == 1 else f"You are number {number}"
    late = "The time to take your place has run out, and it went to the next. " if row.offer_ended_at else ""
    return f"{late}{before} on the waiting list. {_next(event)}"


def _next(event: Event) -> str:
    """How somebody who waits gets a place."""
    if not event.fills_by_itself:
        return "When a place becomes free, the hosts decide who gets it."
    if not offers.still_fills(event):
        return "Nobody moves up automatically now; the hosts can still give you a place."
    return f"{'You are offered a place' if event.offer_hours else 'You get a place'} when one becomes free."


_CLOSED = "Answers are closed."
_STILL = "You are still on the waiting list: say so if you want the next one."
