"""Approval: where an event asks for it, "going" becomes "asked", and takes no place until a host accepts.

Who was accepted once needs no second word, and who was declined cannot ask again: a host who changes her mind accepts
her. Every decision locks the event's row (`places.lock`), so of a decision, another one and a withdrawal at the same
moment the first counts and the others are told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities.validation import many_lines, too_long
from elonara.events import hooks
from elonara.events.guests import places
from elonara.events.messages.models import MessageKind
from elonara.events.messages.telling import tell
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over, may_manage
from elonara.members import audit
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

ASKED, REFUSED, CANT = Rsvp.Choice.ASKED, Rsvp.Choice.REFUSED, Rsvp.Choice.CANT
COMING: Final = (Rsvp.Choice.GOING, Rsvp.Choice.WAITING, Rsvp.Choice.OFFERED)
MAX_WORD_LENGTH: Final = 500


def asked(event: Event, row: Rsvp | None, member: Member | None, choice: str) -> str:
    """The choice as far as the hosts' consent goes: `asked` in place of `going` where they have not decided.

    `event` is locked, `row` the person's answer until now. Raises NotAllowed for who was declined.
    """
    if row is not None and row.refused_at is not None and choice != CANT:
        raise NotAllowed(_("The hosts have declined. Write to them if you think that it is a mistake."), "refused")
    if choice != Rsvp.Choice.GOING or not event.approval or is_settled(row):
        return choice
    return choice if may_manage(event, member) else ASKED


def is_settled(row: Rsvp | None) -> bool:
    """Whether somebody with this answer need not ask: accepted before, or coming since approval began."""
    return row is not None and (row.accepted_at is not None or row.choice in COMING)


def accept(event: Event, by: Member, rsvp_id: Any, word: str = "") -> Rsvp:
    """Accept somebody who asked, or was declined. At a full event she goes on the waiting list.

    `word` is what the host wants to say to her. Raises NotAllowed and Invalid.
    """
    with transaction.atomic():
        locked = _opened(event, by)
        row = _row(event, rsvp_id, (ASKED, REFUSED))
        values = _decision(word) | {"accepted_at": timezone.now(), "refused_at": None}
        values |= places.placed(locked, row, _wish(row))
        audit.record(by, "guest_accepted", event)
        waits = values["choice"] == Rsvp.Choice.WAITING
        said = _("You are accepted to {event}.")
        if waits:
            said = _("You are accepted, and on the waiting list of {event}.")
        _store(locked, row, values, said.format(event=event.title))
        return row


def decline(event: Event, by: Member, rsvp_id: Any, word: str = "") -> Rsvp:
    """Decline somebody who asked. `word` is what the host wants to say to her. Raises NotAllowed and Invalid."""
    with transaction.atomic():
        locked = _opened(event, by)
        row = _row(event, rsvp_id, (ASKED,))
        values = _decision(word) | {"choice": REFUSED, "refused_at": timezone.now(), "accepted_at": None}
        audit.record(by, "guest_declined", event)
        _store(locked, row, values, _("The hosts of {event} have declined.").format(event=event.title))
        return row


def admit(event: Event) -> int:
    """Where approval is not asked for any more: who asked gets a place, or waits, in the order of answers.

    `event` is locked. Returns how many there were.
    """
    if event.approval or is_cancelled(event) or is_over(event) or event.hidden_at is not None:
        return 0
    rows = list(Rsvp.objects.filter(event=event, choice=ASKED).order_by("answered_at", "pk"))
    for row in rows:
        values = places.placed(event, row, _wish(row))
        waits = values["choice"] == Rsvp.Choice.WAITING
        said = _("You are on the waiting list of {event}.").format(event=event.title)
        _store(event, row, values, said if waits else places.told(event))
    return len(rows)


def settings_changed(event: Event, fields: frozenset[str]) -> None:
    """Listener of `hooks.on_change`. After a kill, `admit_all` does it."""
    if "approval" in fields:
        with transaction.atomic():
            admit(places.lock(event))


def admit_all() -> int:
    """`admit` for every event that does not ask for approval any more; how many people. For a periodic task."""
    events = Event.objects.filter(approval=False, status=Event.Status.SCHEDULED, hidden_at=None)
    rows = Rsvp.objects.filter(choice=ASKED, event__in=events)
    admitted = 0
    for event in Event.objects.filter(pk__in=rows.values("event_id")[:200]):
        with transaction.atomic():
            admitted += admit(places.lock(event))
    return admitted


def _opened(event: Event, by: Member) -> Event:
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event decide who comes."), "not_host")
    locked = places.lock(event)
    if locked.hidden_at is not None:
        raise NotAllowed(_(places.HIDDEN), "hidden")
    if is_cancelled(locked) or is_over(locked):
        raise NotAllowed(_("This event is over or cancelled."), "closed")
    return locked


def _row(event: Event, rsvp_id: Any, choices: Sequence[str]) -> Rsvp:
    row = Rsvp.objects.filter(event=event, pk=rsvp_id).first()
    if row is None:
        raise NotAllowed(_("This person has withdrawn the answer."), "not_asked")
    if row.choice not in choices:
        raise NotAllowed(_("This is already decided, or this person is no longer asking."), "not_asked")
    return row


def _wish(row: Rsvp) -> dict[str, Any]:
    return {"choice": Rsvp.Choice.GOING, "plus_ones": row.plus_ones, "online": row.online}


def _decision(word: str) -> dict[str, Any]:
    text = many_lines(word)
    if sentence := too_long(_("Your message"), text, MAX_WORD_LENGTH):
        raise Invalid({"word": sentence})
    return {"word": text}


def _store(event: Event, row: Rsvp, values: dict[str, Any], sentence: str) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    # Whoever was accepted to a full event cannot come yet: ANSWER does not say so.
    kinds = {Rsvp.Choice.REFUSED: MessageKind.DECLINED, Rsvp.Choice.WAITING: MessageKind.ANSWER}
    tell(event, row, kinds.get(Rsvp.Choice(row.choice), MessageKind.ACCEPTED), sentence, word=row.word)
    hooks.rsvp_saved(row)
