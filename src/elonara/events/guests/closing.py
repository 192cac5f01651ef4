"""Answers that end before the event does: a host can set a time, or close them at once."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.events.guests import offers
from elonara.events.models import Event, Rsvp
from elonara.events.times import moment_phrase
from elonara.members.errors import NotAllowed


def is_closed(event: Event) -> bool:
    """Whether the time for answers is over."""
    return event.answers_until is not None and event.answers_until <= timezone.now()


def require_open(event: Event, row: Rsvp | None, choice: str, plus_ones: int) -> None:
    """Raise NotAllowed where the time for answers is over.

    Even then somebody can say that she cannot come, change her words while no more people come than before, and take a
    place that is offered. `row` is her answer until now.
    """
    if not is_closed(event) or choice == Rsvp.Choice.CANT or event.answers_until is None:
        return
    stays = row is not None and row.choice == choice and plus_ones <= row.plus_ones
    if not stays and not (row is not None and offers.is_open(row)):
        when = moment_phrase(event, event.answers_until)
        sentence = _("Answers closed on {when}. You can still say that you cannot come.")
        raise NotAllowed(sentence.format(when=when), "answers_closed")
