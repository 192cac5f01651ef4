"""RSVPs: of a member, of a proven DID, or by the link of an e-mail invitation. The guest list is in `guest_list`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, override
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.principals import Principal, principal_of, rows_of
from elonara.communities.validation import many_lines, one_line, too_long
from elonara.compiled_queries import CompiledQuery
from elonara.events import hooks
from elonara.events.guests import approval, closing, places, questions
from elonara.events.guests.guest_list import Guest, GuestList, guest_list
from elonara.events.guests.visible import visible_list
from elonara.events.messages import notices
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over, may_see
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

__all__ = [
    "Guest",
    "GuestList",
    "Invalid",
    "NotAllowed",
    "check",
    "guest_list",
    "is_only_cancelled",
    "own_answers",
    "respond",
    "rsvp_of",
    "visible_list",
    "why_closed",
    "withdraw",
]

# What somebody can answer; whether "going" means a place or waiting for one is decided in `places`.
ANSWERS = (Rsvp.Choice.GOING, Rsvp.Choice.MAYBE, Rsvp.Choice.CANT)

_OF_MEMBER = CompiledQuery(lambda event, member, did: Rsvp.objects.filter(Q(member=member) | Q(did=did), event=event))


@dataclass(frozen=True)
class EmailPrincipal(Principal):
    """The reader of an e-mail invitation: known by its link alone, or the member to whom its address belongs."""

    email_invitation: UUID | None = None

    @property
    @override
    def rows(self) -> Q:
        return super().rows | Q(email_invitation=self.email_invitation)


def why_closed(event: Event) -> str:
    """Why nobody can answer any more, as a sentence; "" while people can."""
    if event.hidden_at is not None:
        return _(places.HIDDEN)
    if is_cancelled(event):
        return _("This event was cancelled.")
    if is_over(event):
        return _("This event is over.")
    return ""


def is_only_cancelled(event: Event) -> bool:
    """Whether it is cancelled, and neither over nor hidden."""
    return is_cancelled(event) and not is_over(event) and event.hidden_at is None


def respond(
    event: Event,
    *,
    choice: str,
    member: Member | None = None,
    did: str = "",
    handle: str = "",
    name: str = "",
    online: bool = False,
    plus_ones: Any = None,
    note: str | None = None,
    answers: Mapping[str, Any] | None = None,
    invited: bool = False,
    email_invitation: UUID | None = None,
) -> Rsvp:
    """Create or change the answer of one person: a member, a DID, or the reader of an e-mail invitation.

    The caller has checked that the person has proved `did`, or has opened the link of `email_invitation` (its id), with
    `member` where its address is hers: then she has one answer already (`adoption.adopt_emailed`).
    `invited`: the caller has seen an invitation for this person, so a private event is open to her. An e-mail
    invitation implies it. `online`: how she comes, where the event leaves a choice. `plus_ones` and `note`: None keeps
    what she said before. `answers` to the hosts' questions are by their ids as text: see `questions.checked`.
    Raises NotAllowed, and Invalid for what is wrong in the others.
    """
    person = _principal(member, did, handle, name, email_invitation)
    if sentence := why_closed(event):
        raise NotAllowed(sentence, "closed")
    if not invited and email_invitation is None:
        if not may_see(event, person.member, (person.did,) if person.did else ()):
            raise NotAllowed(_("This event is private. Ask its host for an invitation."), "private")
        if person.member is not None and not did:
            require_active(person.member)
    for _attempt in range(3):
        try:
            with transaction.atomic():
                locked = places.lock(event)
                before = _row(locked, person)
                values = _checked(locked, choice, *_or_as_before(locked, before, plus_ones, note))
                closing.require_open(locked, before, choice, values["plus_ones"])
                asked = values | {"choice": approval.asked(locked, before, person.member, choice)}
                asked["online"] = locked.comes_online(online)
                said, errors = questions.checked(locked, before, choice, answers or {}, values["plus_ones"])
                if errors:
                    raise Invalid(errors)
                row = _write(locked, person, before, places.placed(locked, before, asked))
                questions.store(row, said)
                notices.settle(locked, row)
                places.fill(locked)  # where she needs fewer places than before
                hooks.rsvp_saved(row)
                return row
        except IntegrityError:
            continue  # two simultaneous answers of one person: the other one has just created the row, so change it
    sentence = _("Your answer could not be saved because another one came at the same time. Try again.")
    raise NotAllowed(sentence, "busy")


def check(
    event: Event,
    *,
    choice: str,
    plus_ones: Any = None,
    note: str | None = None,
    answers: Mapping[str, Any] | None = None,
) -> None:
    """Raise NotAllowed or Invalid where `respond` would refuse this of somebody who has not answered before.

    For a visitor who has to say who she is first: what is wrong is better said before that.
    """
    if sentence := why_closed(event):
        raise NotAllowed(sentence, "closed")
    values = _checked(event, choice, *_or_as_before(event, None, plus_ones, note))
    closing.require_open(event, None, choice, values["plus_ones"])
    _said, errors = questions.checked(event, None, choice, answers or {}, values["plus_ones"])
    if errors:
        raise Invalid(errors)


def withdraw(event: Event, *, member: Member | None = None, did: str = "") -> None:
    """Delete the person's answer. A place that becomes free goes to who waits."""
    with transaction.atomic():
        locked = places.lock(event)
        rows = Rsvp.objects.filter(principal_of(member, did).rows, event=event)
        rows.filter(refused_at=None).delete()
        rows.update(choice=Rsvp.Choice.CANT)  # who was declined cannot ask anew by taking the answer back
        places.fill(locked)


def rsvp_of(event: Event, member: Member | None = None, did: str = "") -> Rsvp | None:
    """The person's answer, or None."""
    if member is None and not did:
        return None
    person = principal_of(member, did)
    if person.member is None or not person.did:
        return _row(event, person)
    return _of_member(_OF_MEMBER.all(event=event.pk, member=person.member.pk, did=person.did))


def own_answers(events: Iterable[Event], member: Member | None, dids: Sequence[str] = ()) -> dict[int, Rsvp]:
    """What a viewer has answered to the events, by their ids: the member's answer, else that of the first of `dids`."""
    rows = Rsvp.objects.filter(rows_of(member, tuple(dids)), event__in=[event.pk for event in events])

    def order(row: Rsvp) -> int:
        if member is not None and row.member_id == member.pk:
            return -1
        return dids.index(row.did) if row.did in dids else len(dids)

    return {row.event_id: row for row in sorted(rows, key=order, reverse=True)}


def _principal(member: Member | None, did: str, handle: str, name: str, email_invitation: UUID | None) -> Principal:
    if email_invitation is None:
        return principal_of(member, did, handle, name)
    if member is None:
        return EmailPrincipal(None, name=name[:640], email_invitation=email_invitation)
    known = principal_of(member)
    return EmailPrincipal(known.member, known.did, known.handle, email_invitation=email_invitation)


def _or_as_before(event: Event, before: Rsvp | None, plus_ones: Any, note: str | None) -> tuple[Any, str]:
    """Both values, with what she said before in place of None."""
    if plus_ones is None:
        plus_ones = min(before.plus_ones, event.plus_ones_allowed) if before is not None else 0
    if note is None:
        note = before.note if before is not None else ""
    return plus_ones, note


def _checked(event: Event, choice: str, plus_ones: Any, note: str) -> dict[str, Any]:
    errors: dict[str, str] = {}
    if choice not in ANSWERS:
        errors["choice"] = _("Choose Going, Maybe or Can't.")
    allowed = event.plus_ones_allowed
    try:
        number = int(plus_ones or 0)
    except (TypeError, ValueError):
        number = -1
    if choice == Rsvp.Choice.CANT:
        number = 0
    elif not 0 <= number <= allowed:
        most = ngettext(
            "You can bring up to {count} person to this event.",
            "You can bring up to {count} people to this event.",
            allowed,
        )
        nobody = _("Guests cannot bring others to this event.")
        errors["plus_ones"] = most.format(count=allowed) if allowed else nobody
    text = many_lines(note)
    if sentence := too_long(_("The note"), text, 500):
        errors["note"] = sentence
    if errors:
        raise Invalid(errors)
    return {"choice": choice, "plus_ones": number, "note": text}


def _write(event: Event, person: Principal, row: Rsvp | None, values: dict[str, Any]) -> Rsvp:
    if row is None:
        row = Rsvp(event=event)
    elif person.member is not None and row.member_id is None:
        # She answered by her DID before she had an account, and the row has not been adopted yet.
        row.member = person.member
    if row.pk is None:
        row.member = person.member
    if isinstance(person, EmailPrincipal):
        # An address of hers may have been invited before this one.
        row.email_invitation_id = row.email_invitation_id or person.email_invitation
    row.did = person.did or row.did
    row.handle = person.handle or row.handle
    row.name = one_line(person.name) or row.name
    row.note_is_new = values["note"] not in ("", row.note)
    for field, value in values.items():
        setattr(row, field, value)
    row.answered_at = timezone.now()
    row.save()
    return row


def _row(event: Event, person: Principal) -> Rsvp | None:
    return _of_member(Rsvp.objects.filter(person.rows, event=event))


def _of_member(rows: Iterable[Rsvp]) -> Rsvp | None:
    """Of somebody's answers the one that she gave as a member."""
    return min(rows, key=lambda row: row.member_id is None, default=None)
