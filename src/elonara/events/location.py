"""Who sees where an event is: its place, which a host can hide, and the link for those who come online.

`Event.public_location` is what may stand wherever the viewer is not known: lists, cards, previews, posts, e-mails; the
link stands in none of them. Everything here is for one viewer: `answer` is her own, `manages` says that she is one of
the hosts. Nothing else reads the two columns; `tests/unit/events/test_hidden_place.py` holds that.
"""

from __future__ import annotations

from elonara.events.models import Event, Rsvp


def where(event: Event, answer: Rsvp | None, *, manages: bool = False) -> str:
    """The place as one viewer may read it: "" where there is none, or it is hidden from her."""
    comes_there = _is_going(answer) and not _comes_online(event, answer)
    return event.location if manages or comes_there else event.public_location


def link(event: Event, answer: Rsvp | None, *, manages: bool = False) -> str:
    """The link for hosts and guests who come online; "" for everybody else."""
    if event.attendance == Event.Attendance.PLACE:
        return ""
    return event.online_link if manages or _comes_online(event, answer) else ""


def for_calendar(event: Event, answer: Rsvp | None, *, manages: bool = False) -> str:
    """What stands as the place in a viewer's calendar: the link for who comes online, else the place."""
    found = where(event, answer, manages=manages)
    online = link(event, answer, manages=manages)
    return online if _comes_online(event, answer) or not found else found


def _is_going(answer: Rsvp | None) -> bool:
    return answer is not None and answer.choice == Rsvp.Choice.GOING


def _comes_online(event: Event, answer: Rsvp | None) -> bool:
    # Not by her answer alone: where an edit has just changed how guests come, it learns of that a little later.
    return answer is not None and _is_going(answer) and event.comes_online(answer.online)
