"""How many invitations of this site one person receives within seven days, by DID for posts and by address for e-mail.

All hosts of the site share this cap. `caps` explains how it works together with the others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from elonara.invitations.account_models import PastInvitation
from elonara.invitations.consent.accounts import key_of
from elonara.invitations.models import EmailInvitation, EmailState, Invitation
from elonara.invitations.targets import Target

WEEK = dt.timedelta(days=7)

RecipientRow = Invitation | EmailInvitation


def lock_people(people: Iterable[str]) -> None:
    """Keep two hosts from counting the same people (DIDs or address hashes) at once; inside a transaction.

    SQLite needs no lock: it has one writer at a time (BEGIN IMMEDIATE).
    """
    if connection.vendor == "postgresql":
        # Sorted, so that all transactions take them in one order and cannot wait for each other.
        names = [f"elonara.person:{person}" for person in sorted(set(people))]
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"
        with connection.cursor() as cursor:
            cursor.execute(lock, [names])


def person_caps(
    dids: Iterable[str], *, without: Invitation | None = None, apart_from: Target | None = None
) -> dict[str, dt.date]:
    """Those who have received their share of this week, with the first day on which they can be invited again.

    An invitation that is sent again takes the place it had, so it is not counted against itself: `without` excludes
    that row, `apart_from` all rows of a target.
    """
    dids = list(dids)
    rows = Invitation.objects.filter(invitee_did__in=dids)
    if apart_from is not None:
        rows = rows.exclude(**apart_from.only)
    keys = {key_of(did): did for did in dids}
    return _full_until(dids, rows, "invitee_did", without, keys)


def address_caps(hashes: Iterable[str], *, without: EmailInvitation | None = None) -> dict[str, dt.date]:
    """The same for e-mail invitations, by the hash of the address."""
    hashes = list(hashes)
    counted_states = (EmailState.QUEUED, EmailState.SENT)
    rows = EmailInvitation.objects.filter(address_hash__in=hashes, state__in=counted_states)
    return _full_until(hashes, rows, "address_hash", without, {one: one for one in hashes})


def _full_until(
    people: list[str], rows: QuerySet[Any], column: str, without: RecipientRow | None, keys: dict[str, str]
) -> dict[str, dt.date]:
    since = timezone.now().date() - WEEK
    if without is not None:
        rows = rows.exclude(pk=without.pk)
    rows = rows.filter(counted_on__gt=since)
    past = PastInvitation.objects.filter(person__in=list(keys), for_person=True, counted_on__gt=since)
    deleted = [(keys[key], day) for key, day in past.values_list("person", "counted_on")]
    counted = [(person, day) for person, day in rows.values_list(column, "counted_on") if day is not None]
    return full_until(people, [*counted, *((person, day) for person, day in deleted if day is not None)])


def full_until(people: list[str], taken: Iterable[tuple[str, dt.date]]) -> dict[str, dt.date]:
    """Those of `people` who have received their share by these places (person and day), with the day it ends."""
    limit = settings.ELONARA.invitations.per_person_per_week
    if limit < 1:
        return dict.fromkeys(people, timezone.now().date() + WEEK)
    days: dict[str, list[dt.date]] = {}
    for person, day in sorted(taken, key=lambda place: place[1]):
        days.setdefault(person, []).append(day)
    return {person: found[-limit] + WEEK for person, found in days.items() if len(found) >= limit}
