"""When each account has work: the sweep and the jobs page ask about all accounts in one query.

The query walks the indexes of `invitations.models._indexes_of` (state, author, time). It jumps from one account to the
next, and within an account reads up to the first row that may go. So it costs microseconds for each account with work,
however many rows there are; a `GROUP BY` would read every one of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from elonara.bluesky import rate_budgets
from elonara.bluesky.models import AccountLane
from elonara.invitations.models import State
from elonara.invitations.outbox.queue import IN_ORDER, MODELS, deliverable_filter, earliest, is_free, soonest
from elonara.invitations.transitions import Deliverable

_NOT_FINAL: Final = (State.QUEUED, State.SENDING, State.WAITING, State.UNDOING)
_LANE: Final = ("owner", "lease_until", "next_at", "paused_until")


@dataclass(frozen=True)
class DueTimes:
    """When the first rows of an account are due. None: it has no such row. Also its `Lane`, empty where it has none."""

    author_did: str
    post: dt.datetime | None  # that may be posted, may have been posted, or ends because its event has begun
    undoing: dt.datetime | None
    waiting: dt.datetime | None
    is_sending: bool
    owner: str
    lease_until: dt.datetime | None
    next_at: dt.datetime | None
    paused_until: dt.datetime | None

    @property
    def poll_at(self) -> dt.datetime | None:
        """When the account is to be polled, without pauses of its server; None where nothing is left to do."""
        orphan = timezone.now() if self.is_sending and is_free(self) else None
        return soonest(self, self.post, earliest((self.undoing, self.waiting)), orphan)


def poll_times() -> dict[str, dt.datetime]:
    """Every account with work, and when it is to be polled."""
    found = {one.author_did: at for one in due_times() if (at := one.poll_at) is not None}
    for did, pause_ends in rate_budgets.pauses(found).items():
        found[did] = max(found[did], pause_ends)
    return found


def due_times(now: dt.datetime | None = None) -> Iterator[DueTimes]:
    """Every account with rows that are not in a final state, in one query."""
    sql, parameters = _query(now or timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    number = len(MODELS)
    for did, owner, *values in rows:
        lease_until, next_at, paused_until, *times = [_moment(value) for value in values[:-number]]
        yield DueTimes(
            did,
            post=earliest(times[0::3]),
            undoing=earliest(times[1::3]),
            waiting=earliest(times[2::3]),
            is_sending=any(values[-number:]),
            owner=owner or "",
            lease_until=lease_until,
            next_at=next_at,
            paused_until=paused_until,
        )


def _query(now: dt.datetime) -> tuple[str, list[Any]]:
    """One row for each account: its lane; by model when the first of each kind is due; by model whether one is sent."""
    accounts, unions, columns, sending = [], [], [], []
    parameters: list[Any] = []
    for model in MODELS:
        for state in _NOT_FINAL:
            name = f"{model._meta.model_name}_{state.value}"
            # The first account, and for each account the next one. MIN looks at one entry of the index.
            first = f"SELECT MIN(author_did) FROM {_table(model)} WHERE state = '{state.value}'"  # noqa: S608
            following = f"SELECT ({first} AND author_did > {name}.did) FROM {name} WHERE {name}.did IS NOT NULL"  # noqa: S608
            accounts.append(f"{name}(did) AS ({first} UNION ALL {following})")
            unions.append(f"SELECT did FROM {name} WHERE did IS NOT NULL")  # noqa: S608
        posts, values = _first_post(model, now)
        parameters.extend(values)
        columns.append(f"({posts})")
        for state in (State.UNDOING, State.WAITING):
            rows = f"{_table(model)} WHERE author_did = account.did AND state = '{state.value}'"
            columns.append(f"(SELECT MIN(next_attempt_at) FROM {rows})")  # noqa: S608
        rows = f"{_table(model)} WHERE author_did = account.did AND state = '{State.SENDING.value}'"
        sending.append(f"EXISTS (SELECT 1 FROM {rows})")  # noqa: S608
    lane = ", ".join(f"lane.{name}" for name in _LANE)
    sql = (
        f"WITH RECURSIVE {', '.join(accounts)}, account(did) AS ({' UNION '.join(unions)}) "  # noqa: S608 - our names
        f"SELECT account.did, {lane}, {', '.join([*columns, *sending])} FROM account "
        f"LEFT JOIN {_table(AccountLane)} lane ON lane.author_did = account.did ORDER BY account.did"
    )
    return sql, parameters


def _first_post(model: type[Deliverable], now: dt.datetime) -> tuple[str, tuple[Any, ...]]:
    """When the first post of `account.did` is due: the same condition and order as a worker has."""
    rows = model.objects.filter(deliverable_filter(model, now), state=State.QUEUED)
    rows = rows.filter(author_did=RawSQL("account.did", ())).order_by(*IN_ORDER)
    return rows.values_list("next_attempt_at")[:1].query.sql_with_params()


def _table(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _moment(value: Any) -> dt.datetime | None:
    """A time as the driver gives it: SQLite has text."""
    if value is None:
        return None
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
