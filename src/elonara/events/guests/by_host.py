"""What hosts do with the answers of others: set or correct one, add a guest by name, merge two that are one person.

Places hold for hosts too: at a full event, "going" puts a guest on the waiting list; `places.give` goes beyond that. A
host who sets an answer has accepted the guest. Whoever has an account is told, and the audit log says who did it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.bluesky.models import MemberIdentity
from elonara.communities.principals import did_of
from elonara.communities.validation import one_line, too_long
from elonara.events import hooks
from elonara.events.guests import places, questions
from elonara.events.guests.adoption import joined
from elonara.events.guests.rsvps import ANSWERS
from elonara.events.messages.models import MessageKind
from elonara.events.messages.readers import key_of
from elonara.events.messages.telling import joined as joined_messages
from elonara.events.messages.telling import tell
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, may_manage
from elonara.events.validation.fields import MAX_PLUS_ONES, too_many_plus_ones
from elonara.members import audit
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

MAX_NAME_LENGTH: Final = 100
MAX_ADDED: Final = 500  # guests of one event whom hosts have added by name
_WORDS: Final = {
    "going": gettext_noop("Going"),
    "waiting": gettext_noop("Going; you are on the waiting list"),
    "maybe": gettext_noop("Maybe"),
    "cant": gettext_noop("Can’t"),
    "asked": gettext_noop("Asked to come"),
    "offered": gettext_noop("A place is offered to you"),
}
# Where there are two ways to come: by the answer, and whether it is online.
_WORDS_OF_WAYS: Final = {
    ("going", False): gettext_noop("Going (in person)"),
    ("going", True): gettext_noop("Going (online)"),
    ("waiting", False): gettext_noop("Going; you are on the waiting list (in person)"),
    ("waiting", True): gettext_noop("Going; you are on the waiting list (online)"),
}
# What a host can leave as it is while the number of people changes: answers that no button gives.
KEPT: Final = frozenset({Rsvp.Choice.ASKED, Rsvp.Choice.WAITING, Rsvp.Choice.REFUSED, Rsvp.Choice.OFFERED})
TWO_PEOPLE: Final = gettext_noop("These two are different accounts or addresses, so each keeps its own answer.")


def set_answer(
    event: Event, by: Member, rsvp_id: Any, choice: str, plus_ones: Any = 0, *, online: bool | None = None
) -> Rsvp:
    """Set or correct the answer of a guest. Raises NotAllowed and Invalid.

    "" as `choice` leaves the answer as it is. `online`: how the guest comes where an event has two ways; None
    leaves it.
    """
    with transaction.atomic():
        locked = _locked(event, by)
        row = _row(locked, rsvp_id)
        before = (row.choice, row.plus_ones, row.online)
        if not choice and row.choice in KEPT:
            number = _number(plus_ones)
            if row.choice == Rsvp.Choice.OFFERED and number > row.plus_ones:
                sentence = _("Places are offered to this guest, and no more than these are kept.")
                raise Invalid({"plus_ones": sentence})
            row.plus_ones = number
            row.save(update_fields=["plus_ones"])
            hooks.rsvp_saved(row)
        else:
            _store(locked, row, _checked(choice or row.choice, plus_ones), online)
        audit.record(by, "answer_changed", event)
        if (row.choice, row.plus_ones, row.online) != before:
            _tell(locked, row, by)
        places.fill(locked)
        return row


def add(
    event: Event, by: Member, name: str, choice: str = "going", plus_ones: Any = 0, *, online: bool | None = None
) -> Rsvp:
    """Add a guest who is known by name alone. `online` as in `set_answer`. Raises NotAllowed and Invalid."""
    called = one_line(name)
    sentence = too_long(_("The name"), called, MAX_NAME_LENGTH) if called else _("Enter the name of the guest.")
    with transaction.atomic():
        locked = _locked(event, by)
        values = _checked(choice, plus_ones)
        if sentence:
            raise Invalid({"name": sentence})
        if Rsvp.objects.filter(event=locked, added_by_host=True).count() >= MAX_ADDED:
            sentence = ngettext(
                "An event has at most {count} guest who was added by name.",
                "An event has at most {count} guests who were added by name.",
                MAX_ADDED,
            )
            raise NotAllowed(sentence.format(count=MAX_ADDED), "too_many")
        row = Rsvp(event=locked, name=called, added_by_host=True)
        _store(locked, row, values, online)
        audit.record(by, "guest_added", event)
        return row


def remove(event: Event, by: Member, rsvp_id: Any) -> None:
    """Remove a guest who was added by name: nobody else's answer can be taken away. Raises NotAllowed."""
    with transaction.atomic():
        locked = _locked(event, by)
        row = _row(locked, rsvp_id)
        if not _is_a_name(row):
            sentence = _("Only guests who were added by name can be removed. Save the answer instead.")
            raise NotAllowed(sentence, "not_added")
        row.delete()
        audit.record(by, "guest_removed", event)
        places.fill(locked)


def merge(event: Event, by: Member, rsvp_id: Any, other_id: Any) -> Rsvp:
    """Make one of two answers that are one person's; the later one holds. Raises NotAllowed.

    Whoever could change either can change the one that is left. So two members, two Bluesky accounts or two e-mail
    invitations are not merged.
    """
    with transaction.atomic():
        locked = _locked(event, by)
        one, other = _row(locked, rsvp_id), _row(locked, other_id)
        if one.pk == other.pk:
            raise NotAllowed(_("Choose two different guests."), "same_guest")
        kept, gone = sorted((one, other), key=lambda row: (row.member_id is None, not row.did, row.pk))
        identity = _identity(kept, gone)
        people = [row for row in (one, other) if key_of(row)]  # who was added by name has said nothing herself
        said = max(((row.answered_at, row.choice, row.plus_ones) for row in people), default=None)
        values = joined(kept, gone)
        questions.join(kept, gone, max(kept, gone, key=lambda row: row.answered_at))
        gone.delete()  # before the update: an event has one answer per DID and per e-mail invitation
        Rsvp.objects.filter(pk=kept.pk).update(**identity, **values)
        kept.refresh_from_db()
        joined_messages(kept, map(key_of, people))
        if said is not None and said[1:] != (kept.choice, kept.plus_ones):
            _tell(locked, kept, by)
        audit.record(by, "answers_merged", event)
        places.fill(locked)
        hooks.rsvp_saved(kept)
        return kept


def _tell(event: Event, row: Rsvp, by: Member) -> None:
    if row.choice in _WORDS:
        both = event.attendance == Event.Attendance.BOTH and row.choice in ("going", "waiting")
        answer = _(_WORDS_OF_WAYS[row.choice, row.online] if both else _WORDS[row.choice])
        said = _("{name} set your answer to {event}: {answer}.")
        if row.plus_ones:
            said = ngettext(
                "{name} set your answer to {event}: {answer}, with {count} more.",
                "{name} set your answer to {event}: {answer}, with {count} more.",
                row.plus_ones,
            )
        said = said.format(name=by.name, event=event.title, answer=answer, count=row.plus_ones)
        tell(event, row, MessageKind.ANSWER, said)


def _identity(kept: Rsvp, gone: Rsvp) -> dict[str, Any]:
    """Who the merged answer belongs to. Raises NotAllowed for two people."""
    found: dict[str, Any] = {"added_by_host": kept.added_by_host and gone.added_by_host}
    for name in ("member_id", "did", "email_invitation_id"):
        mine, theirs = getattr(kept, name), getattr(gone, name)
        if mine and theirs and mine != theirs:
            raise NotAllowed(_(TWO_PEOPLE), "two_people")
        found[name] = mine or theirs
    if found["member_id"] and found["did"]:
        linked = did_of(kept.member or gone.member)  # type: ignore[arg-type]  # one of them is set
        owner = MemberIdentity.objects.filter(bsky_did=found["did"]).values_list("member_id", flat=True).first()
        if linked not in ("", found["did"]) or owner not in (None, found["member_id"]):
            raise NotAllowed(_(TWO_PEOPLE), "two_people")
    for name in ("name", "handle"):
        found[name] = getattr(kept, name) or getattr(gone, name)
    return found


def _locked(event: Event, by: Member) -> Event:
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event may do that."), "not_host")
    locked = places.lock(event)
    if locked.hidden_at is not None:
        raise NotAllowed(_(places.HIDDEN), "hidden")
    if locked.guest_totals is not None:
        sentence = _("The data of this event’s guests has been deleted. Nobody can be added any more.")
        raise NotAllowed(sentence, "guests_deleted")
    if is_cancelled(locked):
        raise NotAllowed(_("This event was cancelled; it can no longer be changed."), "cancelled")
    return locked


def _row(event: Event, rsvp_id: Any) -> Rsvp:
    row = Rsvp.objects.select_related("member").filter(event=event, pk=rsvp_id).first()
    if row is None:
        raise NotAllowed(_("This guest has withdrawn the answer."), "no_guest")
    return row


def _is_a_name(row: Rsvp) -> bool:
    return row.added_by_host and row.member_id is None and not row.did and row.email_invitation_id is None


def _checked(choice: str, plus_ones: Any) -> dict[str, Any]:
    if choice not in ANSWERS:
        raise Invalid({"choice": _("Choose Going, Maybe or Can't.")})
    number = _number(plus_ones)
    return {"choice": choice, "plus_ones": 0 if choice == Rsvp.Choice.CANT else number}


def _number(plus_ones: Any) -> int:
    try:
        number = int(plus_ones or 0)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= MAX_PLUS_ONES:
        raise Invalid({"plus_ones": too_many_plus_ones()})
    return number


def _store(event: Event, row: Rsvp, values: dict[str, Any], online: bool | None) -> None:
    accepted = {"accepted_at": timezone.now(), "refused_at": None} if values["choice"] != Rsvp.Choice.CANT else {}
    wanted = values | {"online": event.comes_online(row.online if online is None else online)}
    for name, value in (places.placed(event, row, wanted) | accepted | {"answered_at": timezone.now()}).items():
        setattr(row, name, value)
    row.save()
    hooks.rsvp_saved(row)
