"""The next events of a viewer, as Home and the list of events show them."""

from __future__ import annotations

from elonara.events import queries
from elonara.events.guests.rsvps import own_answers
from elonara.events.models import Event
from elonara.members.models import Member
from elonara.web.parts.places import shown_answer


def own_events(member: Member | None, dids: list[str]) -> list[Event]:
    """The next events that somebody hosts or answered, each with `own_answer` as pages show it, "" for none.

    `dids`: what this browser has proved.
    """
    found = list(queries.upcoming(member, dids)[: queries.NEXT_EVENTS])
    answers = own_answers(found, member, dids)
    for event in found:
        event.own_answer = shown_answer(answers.get(event.pk), event)  # type: ignore[attr-defined]
    return found
