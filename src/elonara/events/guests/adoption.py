"""Answers that were given without an account, and turn out to be a member's: she has proved the DID or the address."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from elonara.compiled_queries import CompiledQuery
from elonara.events import hooks
from elonara.events.guests import places, questions
from elonara.events.messages import readers, telling
from elonara.events.models import Event, Rsvp
from elonara.members.models import Member

# What `joined` takes over: all but who it is.
OF_A_PLACE = ("choice", "waiting_since", "offered_until", "offer_ended_at", "online", "plus_ones")
NEVER = datetime.min.replace(tzinfo=UTC)
OF_A_DECISION = ("accepted_at", "refused_at", "word")
OF_AN_ANSWER = (*OF_A_PLACE, *OF_A_DECISION, "note", "answered_at")

# Runs at every connect and every sign-in.
_UNADOPTED = CompiledQuery(
    lambda who, did: Rsvp.objects.filter(Q(member=None, did=did) | Q(member=who, did="")).values_list("pk")[:1]
)


def has_unadopted(member: Member, did: str) -> bool:
    """Whether `adopt` would change anything. Much cheaper than `adopt`, which opens a transaction."""
    return _UNADOPTED.exists(who=member.pk, did=did)


def adopt(member: Member, did: str) -> int:
    """Give the answers under a DID to the member who has just proved it; returns how many rows changed.

    Where she has answered an event both ways, the later answer is kept. Call it in the transaction that links the DID.
    """
    if not did:
        return 0
    with transaction.atomic():
        changed = _give(member, Q(did=did), {"did": did})
        return changed + Rsvp.objects.filter(member=member, did="").update(did=did)


def adopt_emailed(member: Member, email_invitations: Collection[UUID]) -> int:
    """The same for answers by the links of e-mail invitations to an address that she has verified."""
    with transaction.atomic():
        return _give(member, Q(email_invitation__in=email_invitations), {})


def _give(member: Member, known_as: Q, identity: Mapping[str, Any]) -> int:
    """Give the answers of nobody with an account that match; `identity`: columns that hers get with them."""
    changed = 0
    unowned = Rsvp.objects.filter(known_as, member=None)
    for event in Event.objects.filter(pk__in=unowned.values("event")).order_by("pk"):
        locked = places.lock(event)  # before the answers, as everywhere
        own = Rsvp.objects.filter(event=event, member=member).first()
        for row in Rsvp.objects.filter(known_as, event=event, member=None).order_by("pk"):
            before = readers.key_of(row)
            if own is None:
                Rsvp.objects.filter(pk=row.pk).update(member=member, **identity)
                own = row
                own.member = member
            else:
                _join(own, row, identity)
            telling.joined(own, [before])
            hooks.rsvp_saved(own)
            changed += 1
        places.fill(locked)  # two places may have been one person's
    return changed


def _join(own: Rsvp, row: Rsvp, identity: Mapping[str, Any]) -> None:
    """Make one of the member's answer and another one of hers, which is deleted."""
    kept = joined(own, row) | {"email_invitation_id": own.email_invitation_id or row.email_invitation_id, **identity}
    questions.join(own, row, max(own, row, key=lambda each: each.answered_at))
    row.delete()  # before the update: an event has at most one answer per DID, and per e-mail invitation
    Rsvp.objects.filter(pk=own.pk).update(**kept)
    own.refresh_from_db()


def joined(one: Rsvp, other: Rsvp) -> dict[str, Any]:
    """What the single answer of somebody who has given two says: the later one, with the place of either.

    Who has a place, and answered Going once more when it was full, did not give the place up.
    """
    earlier, later = sorted((one, other), key=lambda each: each.answered_at)
    values = {name: getattr(later, name) for name in OF_AN_ANSWER}
    if earlier.choice in places.HOLDING and later.choice == Rsvp.Choice.WAITING:
        values |= {name: getattr(earlier, name) for name in OF_A_PLACE}
    decided = max(one, other, key=lambda each: each.accepted_at or each.refused_at or NEVER)
    values |= {name: getattr(decided, name) for name in OF_A_DECISION}
    if decided.refused_at is not None and values["choice"] != Rsvp.Choice.CANT:
        values |= {"choice": Rsvp.Choice.REFUSED, **places.NO_LIST}
    return values
