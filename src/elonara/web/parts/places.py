"""What a page says about the places of an event."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.events.guests import approval, closing, offers, places
from elonara.events.models import Event, Rsvp
from elonara.events.queries import ends, is_over
from elonara.events.times import moment_phrase, shown_mark

DONE = {
    "going": gettext_noop("You are going."),
    "maybe": gettext_noop("You answered Maybe."),
    "cant": gettext_noop("You answered Can’t. Thank you for saying so."),
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
    full = found[event.comes_online(False)][0]
    online_full = found.get(True, (False, ""))[0]
    said = [way[1] for way in found.values()] + ([_("The hosts accept each guest.")] if asks else [])
    own = waiting_words(event, mine) if mine is not None else ""
    return Places(
        full=full,
        sentence=own or (_("Answers are closed.") if closed else " ".join(filter(None, said))),
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
        return _("You can change it until {time}.").format(time=moment_phrase(event, event.answers_until))
    return _("You can change it until the event is over.")


def _of_one_way(event: Event, online: bool, counts: bool) -> tuple[bool, str]:
    """Whether one way to come is full, and what to say about its places. No query where it has no limit."""
    most = places.limit(event, online)
    if most is None:
        return False, ""
    free = places.left(event, online) or 0
    waits = places.anybody_waits(event, online)
    full = free == 0 or waits
    way = "any" if event.attendance != Event.Attendance.BOTH else "online" if online else "there"
    if free == 0:
        return full, _all_taken(way, most) if counts else _(_TAKEN[way])
    if waits:  # somebody who brings others and does not fit yet, or whom the hosts have not given a place
        return full, _(_OTHERS_WAIT[way])
    return full, _some_left(way, free, most) if counts else ""


def _all_taken(way: str, most: int) -> str:
    match way:
        case "online":
            said = ngettext("All {most} places online are taken.", "All {most} places online are taken.", most)
        case "there":
            said = ngettext("All {most} places on site are taken.", "All {most} places on site are taken.", most)
        case _:
            said = ngettext("All {most} places are taken.", "All {most} places are taken.", most)
    return said.format(most=most)


def _some_left(way: str, free: int, most: int) -> str:
    match way:
        case "online":
            said = ngettext(
                "{count} of {most} places online is left.", "{count} of {most} places online are left.", free
            )
        case "there":
            said = ngettext(
                "{count} of {most} places on site is left.", "{count} of {most} places on site are left.", free
            )
        case _:
            said = ngettext("{count} of {most} places is left.", "{count} of {most} places are left.", free)
    return said.format(count=free, most=most)


def shown_answer(mine: Rsvp | None, event: Event | None) -> str:
    """The answer as pages show it, "" for none, `online` for who is going online to an event that others go to."""
    if mine is None:
        return ""
    both = event is not None and event.attendance == Event.Attendance.BOTH
    if both and mine.online and mine.choice == Rsvp.Choice.GOING:
        return "online"
    return offers.choice_now(mine)


def answered_words(event: Event, row: Rsvp) -> str:
    """What became of an answer, which is not always what was pressed."""
    return _(DONE[row.choice]) if row.choice in DONE else waiting_words(event, row)


def changed_words(event: Event, seen: str) -> str:
    """What is said to who answered on a page older than the event, "" to others; `seen`: the `shown_mark` there."""
    if not seen or seen == shown_mark(event):
        return ""
    return _("The time or the place changed while you had the page open: please check them once more.")


def waiting_words(event: Event, row: Rsvp) -> str:
    """How it stands for who asked, waits or has an offer, and what the hosts said; "" for who waits for nothing."""
    if offers.is_open(row) and row.offered_until is not None:
        until = moment_phrase(event, row.offered_until)
        return _("A place is kept for you until {time}. Do you want it?").format(time=until)
    if ended := offers.silent_since(row):
        return _(
            "The time to take your place ran out on {time}. You are still on the waiting list: say so if you want the "
            "next one."
        ).format(time=moment_phrase(event, ended))
    if row.choice == Rsvp.Choice.ASKED:
        return _("You asked to come. The hosts decide, and you will see it here.")
    if row.choice == Rsvp.Choice.REFUSED:
        return f"{_('The hosts have declined.')} {row.word}".strip()
    number = places.position(row)
    if not number:
        accepted = row.word and row.accepted_at and row.choice == "going"
        return _("The hosts write: {message}").format(message=row.word) if accepted else ""
    said = [_("The time to take your place has run out, and it went to the next.")] if row.offer_ended_at else []
    if number == 1:
        said.append(_("You are next on the waiting list."))
    else:
        said.append(_("You are number {number} on the waiting list.").format(number=number))
    return " ".join([*said, _next(event)])


def _next(event: Event) -> str:
    """How somebody who waits gets a place."""
    if not event.fills_by_itself:
        return _("When a place becomes free, the hosts decide who gets it.")
    if not offers.still_fills(event):
        return _("Nobody moves up automatically now; the hosts can still give you a place.")
    if event.offer_hours:
        return _("You are offered a place when one becomes free.")
    return _("You get a place when one becomes free.")


# By the way to come: the only one of the event, or one of two.
_TAKEN = {
    "any": gettext_noop("All places are taken."),
    "online": gettext_noop("All places online are taken."),
    "there": gettext_noop("All places on site are taken."),
}
_OTHERS_WAIT = {
    "any": gettext_noop("Other people are waiting for the places that are left."),
    "online": gettext_noop("Other people are waiting for the places online that are left."),
    "there": gettext_noop("Other people are waiting for the places on site that are left."),
}


def beyond_places(event: Event) -> str:
    """What a host is told where more people come than there are places: after a lower number, or no longer online."""
    for online in places.ways(event):
        most, coming = places.limit(event, online), places.taken(event, online)
        if most is not None and coming > most:
            return _("{coming} people have a place, and there are {most}. Nobody loses theirs.").format(
                coming=coming, most=most
            )
    return ""
