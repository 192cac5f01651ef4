"""A cache of profiles as one member sees them, with the time of each. Deleted when she disconnects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from elonara.bluesky.graph import store
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import ActorView

MAX_AGE_SECONDS = 600.0  # a view older than this is fetched again
KEPT_FOR = timedelta(days=1)


def fresh(member_id: int, dids: Collection[str], max_age: float) -> dict[str, Person]:
    """Views of at most `max_age` seconds ago, by DID. Only those with a known viewer state are stored.

    Not by handle: within minutes a handle can belong to somebody else.
    """
    now = timezone.now()
    since = now - timedelta(seconds=min(max_age, MAX_AGE_SECONDS))
    rows = ActorView.objects.filter(member_id=member_id, did__in=list(dids), checked_at__range=(since, now))
    people = [Person.from_dict(row.person) for row in rows]
    return {person.did: person for person in people}


def fetched_since(member_id: int, dids: Collection[str], since: datetime) -> dict[str, Person]:
    """Views that were fetched at `since` or later, and not in the future, by DID."""
    rows = ActorView.objects.filter(member_id=member_id, did__in=dids, checked_at__range=(since, timezone.now()))
    return {row.did: Person.from_dict(row.person) for row in rows}


def keep(member_id: int, people: Iterable[Person]) -> None:
    """Store the views whose viewer state is known; the others are fetched again next time.

    What is newer than in the member's stored graph is stored there, too.
    """
    people, now = list(people), timezone.now()
    store.note(member_id, people)
    rows = {
        person.did: ActorView(member_id=member_id, did=person.did, person=person.to_dict(), checked_at=now)
        for person in people
        if person.known
    }
    ActorView.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["member", "did"], update_fields=["person", "checked_at"]
    )


def forget(member_id: int) -> int:
    """Delete all views of this member. Returns how many."""
    return ActorView.objects.filter(member_id=member_id).delete()[0]


def forget_old() -> int:
    """Delete the views that were not fetched again for a day. Returns how many."""
    return ActorView.objects.filter(checked_at__lt=timezone.now() - KEPT_FOR).delete()[0]
