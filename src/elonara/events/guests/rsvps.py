"""RSVPs: of a member, of a proven DID, or by the link of an e-mail invitation. The guest list is in `guest_list`."""

from dataclasses import dataclass
from typing import Any, override
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from elonara.communities.principals import Principal, principal_of
from elonara.communities.validation import many_lines, one_line, too_long
from elonara.compiled_queries import CompiledQuery
from elonara.events import hooks
from elonara.events.guests.guest_list import Guest, GuestList, guest_list
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
    "adopt",
    "guest_list",
    "has_unadopted",
    "respond",
    "rsvp_of",
    "why_closed",
    "withdraw",
]

# Runs at every connect and every sign-in.
_UNADOPTED = CompiledQuery(
    lambda who, did: Rsvp.objects.filter(Q(member=None, did=did) | Q(member=who, did="")).values_list("pk")[:1]
)


@dataclass(frozen=True)
class EmailPrincipal(Principal):
    """Somebody who is known only by the link of one e-mail invitation."""

    email_invitation: UUID | None = None

    @property
    @override
    def rows(self) -> Q:
        return Q(email_invitation=self.email_invitation)


def why_closed(event: Event) -> str:
    """Why nobody can answer any more, as a sentence; "" while people can."""
    if event.hidden_at is not None:
        return "This event has been hidden by the operator of this site."
    if is_cancelled(event):
        return "This event was cancelled."
    if is_over(event):
        return "This event is over."
    return ""


def respond(
    event: Event,
    *,
    choice: str,
    member: Member | None = None,
    did: str = "",
    handle: str = "",
    name: str = "",
    plus_ones: Any = 0,
    note: str = "",
    invited: bool = False,
    email_invitation: UUID | None = None,
) -> Rsvp:
    """Create or change the answer of one person: a member, a DID, or the reader of an e-mail invitation.

    The caller has checked that the person has proved `did`, or has opened the link of `email_invitation` (its id).
    `invited`: the caller has seen an invitation for this person, so a private event is open to her. An e-mail
    invitation implies it. Raises NotAllowed, and Invalid for `choice`, `plus_ones` and `note`.
    """
    person = (
        principal_of(member, did, handle, name)
        if email_invitation is None
        else EmailPrincipal(None, name=name[:640], email_invitation=email_invitation)
    )
    if sentence := why_closed(event):
        raise NotAllowed(sentence, "closed")
    if not invited and email_invitation is None:
        if not may_see(event, person.member, (person.did,) if person.did else ()):
            raise NotAllowed("This event is private. Ask its host for an invitation.", "private")
        if person.member is not None and not did:
            require_active(person.member)
    values = _checked(event, choice, plus_ones, note)
    for _ in range(3):
        try:
            with transaction.atomic():
                row = _write(event, person, values)
                hooks.rsvp_saved(row)
                return row
        except IntegrityError:
            continue  # two simultaneous answers of one person: the other one has just created the row, so change it
    raise NotAllowed(
        "Your answer could not be kept because another one came at the same time. Press once more.", "busy"
    )


def withdraw(event: Event, *, member: Member | None = None, did: str = "") -> None:
    """Delete the person's answer."""
    Rsvp.objects.filter(principal_of(member, did).rows, event=event).delete()


def rsvp_of(event: Event, member: Member | None = None, did: str = "") -> Rsvp | None:
    """The person's answer, or None."""
    if member is None and not did:
        return None
    return _row(event, principal_of(member, did))


def has_unadopted(member: Member, did: str) -> bool:
    """Whether `adopt` would change anything. Much cheaper than `adopt`, which opens a transaction."""
    return _UNADOPTED.exists(who=member.pk, did=did)


def adopt(member: Member, did: str) -> int:
    """Give the answers under a DID to the member who has just proved it; returns how many rows changed.

    Where she has answered an event both ways, the later answer is kept. Call it in the transaction that links the DID.
    """
    if not did:
        return 0
    changed = 0
    with transaction.atomic():
        for row in Rsvp.objects.select_for_update().filter(did=did, member=None):
            own = Rsvp.objects.filter(event_id=row.event_id, member=member).first()
            if own is None:
                Rsvp.objects.filter(pk=row.pk).update(member=member)
            else:
                later = max(own, row, key=lambda each: each.answered_at)
                kept = {
                    "choice": later.choice,
                    "plus_ones": later.plus_ones,
                    "note": later.note,
                    "answered_at": later.answered_at,
                }
                row.delete()  # before the update: an event has at most one answer per DID
                Rsvp.objects.filter(pk=own.pk).update(did=did, **kept)
            changed += 1
        changed += Rsvp.objects.filter(member=member, did="").update(did=did)
    return changed


def _checked(event: Event, choice: str, plus_ones: Any, note: str) -> dict[str, Any]:
    errors: dict[str, str] = {}
    if choice not in Rsvp.Choice.values:
        errors["choice"] = "Choose Going, Maybe or Can't."
    allowed = event.plus_ones_allowed
    try:
        number = int(plus_ones or 0)
    except (TypeError, ValueError):
        number = -1
    if choice == Rsvp.Choice.CANT:
        number = 0
    elif not 0 <= number <= allowed:
        errors["plus_ones"] = (
            f"You can bring up to {allowed} {'person' if allowed == 1 else 'people'} to this event."
            if allowed
            else "Guests cannot bring others to this event."
        )
    text = many_lines(note)
    if sentence := too_long("The note", text, 500):
        errors["note"] = sentence
    if errors:
        raise Invalid(errors)
    return {"choice": choice, "plus_ones": number, "note": text}


def _write(event: Event, person: Principal, values: dict[str, Any]) -> Rsvp:
    row = _row(event, person)
    if row is None:
        row = Rsvp(event=event)
    elif person.member is not None and row.member_id is None:
        # She answered by her DID before she had an account, and the row has not been adopted yet.
        row.member = person.member
    if row.pk is None:
        row.member = person.member
    if isinstance(person, EmailPrincipal):
        row.email_invitation_id = person.email_invitation
    row.did = person.did or row.did
    row.handle = person.handle or row.handle
    row.name = one_line(person.name) or row.name
    for field, value in values.items():
        setattr(row, field, value)
    row.answered_at = timezone.now()
    row.save()
    return row


def _row(event: Event, person: Principal) -> Rsvp | None:
    rows = Rsvp.objects.filter(person.rows, event=event)
    return min(rows, key=lambda row: row.member_id is None, default=None)
