"""When each account has work: the sweep and the jobs page ask about all accounts in one query.

The query walks the indexes of `invitations.models._indexes_of` (state, author, time). It jumps from one account to the
next, and within an account reads up to the first row that may go. So it costs microseconds for each account with work,
however many rows there are; a `GROUP BY` would read every one of them. Rows that are held back (their host is paused,
has to confirm them, or their announcement waits) are passed one by one: 100,000 of them take a tenth of a second.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from elonara.bluesky import rate_budgets
from elonara.bluesky.models import AccountLane
from elonara.events import queries as events
from elonara.invitations.models import State
from elonara.invitations.outbox.queue import IN_ORDER, deliverable_filter, earliest, is_free, soonest
from elonara.invitations.states import IN_PROGRESS
from elonara.invitations.transitions import MODELS, Deliverable

_LANE: Final = ("owner", "lease_until", "next_at", "paused_until")


@dataclass(frozen=True)
class DueTimes:
    """When the first rows of an account are due. None: it has no such row. Also its `Lane`, empty where it has none."""

    author_did: str
    post: dt.datetime | None  # that may be posted, may have been posted, or ends because its event is over
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


def due_times(now: dt.datetime | None = None) -> list[DueTimes]:
    """Every account with rows that are not in a final state, in one query."""
    sql, parameters = _query(now or timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    found: dict[str, dict[str, list[dt.datetime | None]]] = {}
    lanes: dict[str, tuple[Any, ...]] = {}
    for state, did, at, *lane in rows:
        found.setdefault(did, {}).setdefault(state, []).append(_moment(at))
        lanes[did] = tuple(lane)
    return [_due_times(did, times, *lanes[did]) for did, times in sorted(found.items())]


def _due_times(did: str, times: dict[str, list[dt.datetime | None]], owner: str | None, *lane: Any) -> DueTimes:
    lease_until, next_at, paused_until = (_moment(value) for value in lane)
    return DueTimes(
        did,
        post=earliest(times.get(State.QUEUED, ())),
        undoing=earliest(times.get(State.UNDOING, ())),
        waiting=earliest(times.get(State.WAITING, ())),
        is_sending=State.SENDING in times,
        owner=owner or "",
        lease_until=lease_until,
        next_at=next_at,
        paused_until=paused_until,
    )


def _query(now: dt.datetime) -> tuple[str, list[Any]]:
    """A row for each model, state and account: the state, the account, when its first row is due, and its lane."""
    accounts, parts = [], []
    parameters: list[Any] = []
    lane = ", ".join(f"lane.{name}" for name in _LANE)
    for model in MODELS:
        for state in IN_PROGRESS:
            name, table = f"{model._meta.model_name}_{state.value}", _table(model)
            # The first account, and for each account the next one. MIN looks at one entry of the index.
            first = f"SELECT MIN(author_did) FROM {table} WHERE state = '{state.value}'"  # noqa: S608 - our own names
            following = f"SELECT ({first} AND author_did > {name}.did) FROM {name} WHERE {name}.did IS NOT NULL"  # noqa: S608
            accounts.append(f"{name}(did) AS ({first} UNION ALL {following})")
            due = f"SELECT MIN(next_attempt_at) FROM {table} WHERE author_did = account.did AND state = '{state.value}'"  # noqa: S608
            if state == State.QUEUED:
                due, values = _first_post(model, now)
                parameters.extend(values)
            parts.append(
                f"SELECT '{state.value}', account.did, ({due}), {lane} FROM {name} account "  # noqa: S608
                f"LEFT JOIN {_table(AccountLane)} lane ON lane.author_did = account.did WHERE account.did IS NOT NULL"
            )
    return f"WITH RECURSIVE {', '.join(accounts)} {' UNION ALL '.join(parts)}", parameters


def _first_post(model: type[Deliverable], now: dt.datetime) -> tuple[str, tuple[Any, ...]]:
    """When the first post of `account.did` is due: the same condition and order as a worker has."""
    rows = model.objects.filter(deliverable_filter(model, now, now - events.DEFAULT_DURATION), state=State.QUEUED)
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
