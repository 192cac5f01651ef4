"""Asking Bluesky about invited people once more, just before their posts are written.

A theory of operation.

**A run** is what a host queued by one press of Send, Retry or Confirm. Between the preview and the first post of a run
somebody may block her, unfollow or delete the account. So just before that post everybody who is due is asked about
anew, whatever is stored. Where an announcement goes first it counts as the first post, so that none goes for nobody.

**Later posts of a run** use an answer that was got since the press, for `VIEW_MAX_AGE_SECONDS` at most. An answer from
before the press counts for nobody, also not for people whom the first request had no room for.

**In batches.** One request takes `PROFILE_BATCH` people: the row whose turn it is and those after it. It is made when
that row itself has no answer, so that a slow send does not ask for each person as she comes into reach. A request that
failed is not repeated in the same turn.

Nothing is stored for this: when a run began is in its rows (`last_attempt_at`), and the answers are the graph's views.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent.eligibility import PROFILE_BATCH, VIEW_MAX_AGE_SECONDS
from elonara.invitations.consent.relay_audience import relay_audience
from elonara.invitations.models import Invitation, State, Voice

MAX_AGE = dt.timedelta(seconds=VIEW_MAX_AGE_SECONDS)
IN_ORDER = ("next_attempt_at", "queued_at", "rkey")
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)

_ATTEMPTED = CompiledQuery(
    lambda batch, since: Invitation.objects.filter(batch=batch, last_attempt_at__gte=since).values_list("pk")[:1]
)


@dataclass(frozen=True)
class CheckedPerson:
    """What Bluesky said about somebody, None for no such account; not before `since`."""

    person: Person | None
    since: dt.datetime


@dataclass
class Recheck:
    """The answers of one turn in a lane."""

    _answers: dict[tuple[int, str], CheckedPerson] = field(default_factory=dict)  # by host id and DID
    _begun: dict[UUID, dt.datetime] = field(default_factory=dict)  # batch: presses until then need no new request
    _faults: dict[int, GraphUnavailable] = field(default_factory=dict)  # by host id

    def check(self, row: Invitation) -> CheckedPerson:
        """The invitee as the host sees her now. May ask the network. Raises GraphUnavailable."""
        now, key = timezone.now(), (row.host_id, row.invitee_did)
        pressed = _pressed(row, now)
        if not self._has_begun(row, pressed, now):
            self._ask(row, now)
            self._begun[row.batch_id] = now
            return self._answers[key]
        since = max(pressed, now - MAX_AGE)
        known = self._answers.get(key)
        if (known is None or known.since < since) and not self._load(row, since, now):
            self._ask(row, now)
        return self._answers[key]

    def _has_begun(self, row: Invitation, pressed: dt.datetime, now: dt.datetime) -> bool:
        """Whether something of this row's run was attempted, or everybody in it was asked about in this turn."""
        if self._begun.get(row.batch_id, _LONG_AGO) >= pressed:
            return True
        announced = row.announcement.last_attempt_at if row.announcement is not None else None
        begun = announced is not None and announced >= pressed
        if begun or _ATTEMPTED.exists(batch=row.batch_id, since=pressed):
            self._begun[row.batch_id] = now
            return True
        return False

    def _load(self, row: Invitation, since: dt.datetime, now: dt.datetime) -> bool:
        """Use the answers that an earlier turn got. False: there is none about this row's invitee."""
        dids = _dids(row, now)
        found = graph_service.current().stored(row.host_id, dids, since=since)
        if row.invitee_did not in found:
            return False
        self._keep(row, found.keys(), found, since)
        return True

    def _ask(self, row: Invitation, now: dt.datetime) -> None:
        if row.host_id in self._faults:
            raise self._faults[row.host_id]
        dids = _dids(row, now)
        try:
            found = graph_service.current().confirm(row.host_id, dids, max_age=0)
        except GraphUnavailable as fault:
            self._faults[row.host_id] = fault
            raise
        self._keep(row, dids, found, now)

    def _keep(self, row: Invitation, dids: Collection[str], found: Mapping[str, Person], since: dt.datetime) -> None:
        self._answers.update({(row.host_id, did): CheckedPerson(found.get(did), since) for did in dids})
        if row.voice == Voice.RELAY:
            # Asked for all of them together; what is answered is remembered there for each row's own check.
            relay_audience(row.author_did, row.host, found, since=since)


def due_after(row: Invitation, now: dt.datetime) -> QuerySet[Invitation]:
    """The invitations of the same host and author that are due, besides this one."""
    return _due(row.author_did, row.host_id, row.pk, now)


def _due(author: Any, host: Any, besides: Any, now: Any) -> QuerySet[Invitation]:
    rows = Invitation.objects.filter(author_did=author, host_id=host, state=State.QUEUED)
    return rows.filter(next_attempt_at__lte=now, needs_confirmation=False).exclude(pk=besides).order_by(*IN_ORDER)


_OTHERS = CompiledQuery(
    lambda author, host, besides, now: _due(author, host, besides, now).values_list("invitee_did", flat=True)[
        : PROFILE_BATCH - 1
    ]
)


def _dids(row: Invitation, now: dt.datetime) -> list[str]:
    others = _OTHERS.all(author=row.author_did, host=row.host_id, besides=row.pk, now=now)
    return list(dict.fromkeys([row.invitee_did, *others]))


def _pressed(row: Invitation, now: dt.datetime) -> dt.datetime:
    """When the host asked for this post. A press in the future was dated before the clock was set back."""
    return row.queued_at if row.queued_at <= now else now - MAX_AGE
