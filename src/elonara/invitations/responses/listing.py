"""Which invitations of a target stand on a page of a list, and how many there are in all, without reading every row.

The Watch page has numbered pages, with the rows that need the host first. The API has a cursor instead: the place
(`IN_ORDER`) of the last row given. When a row was made never changes, so a program that follows the cursor gets every
row once, whatever becomes of the rows meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.models import Invitation, State
from elonara.invitations.planning.standing import told_by
from elonara.invitations.responses.views import HOST_ACTIONS
from elonara.invitations.targets import Target

PAGE_SIZE: Final = 50  # rows on a page of the Watch page
MAX_LISTED: Final = 1000  # rows in one answer of the API
_CURSOR: Final = re.compile(r"\A([0-9]{20})([0-9a-f]{32})([0-9a-z]{1,64})\Z")
IN_ORDER: Final = ("created_at", "rkey", "id")  # record keys grow with each row that is made in one moment
COUNTED: Final = ("total", "answered", "needs_you")
MOVING: Final = (State.QUEUED, State.SENDING, State.UNDOING)
# As `InvitationView.needs_host`: a failed row can always be cancelled at least.
NEEDS_HOST: Final = (
    Q(needs_confirmation=True)
    | Q(state=State.WAITING, reason__in=reasons.codes_with(HOST_ACTIONS))
    | Q(state=State.FAILED)
)


class WrongCursor(ValueError):
    """A cursor that this site has not given."""


@dataclass(frozen=True)
class Totals:
    """How many invitations of a target there are, by what is told of them."""

    counts: Counter[str]  # by state (every state is a key), and answered, needs_you, outdated, total
    moving: int  # how many will change by themselves
    sending: int  # how many of these are to be posted, and are not taken back


def rows_of(target: Event | Community) -> QuerySet[Invitation]:
    """The invitations to a target in the order in which they were made, with what their views need."""
    rows = Invitation.objects.filter(**Target(target).only).order_by(*IN_ORDER)
    return rows.select_related("host__bluesky", "event", "community", "announcement", "batch")


def totals(target: Event | Community) -> Totals:
    """Count the invitations to a target in the database."""
    counts, moving, sending = Counter(dict.fromkeys((*State.values, *COUNTED), 0)), 0, 0
    rows = Invitation.objects.filter(**Target(target).only).order_by().values("state")
    for row in rows.annotate(
        total=Count("state"),
        answered=Count("state", filter=~Q(answer="")),
        needs_you=Count("state", filter=NEEDS_HOST),
        unconfirmed=Count("state", filter=Q(needs_confirmation=True)),
    ):
        counts[row["state"]] += row["total"]
        counts.update({name: row[name] for name in COUNTED})
        moves = row["total"] - row["unconfirmed"] if row["state"] in MOVING else 0
        moving, sending = moving + moves, sending + (moves if row["state"] != State.UNDOING else 0)
    counts["outdated"] = sum(one.number for one in told_by(Invitation, Target(target)) if one.wrong)
    return Totals(counts, moving, sending)


def page_of(target: Event | Community, number: int, needing: int, size: int = PAGE_SIZE) -> list[Invitation]:
    """The rows of a page (from 1): those that need the host come before the others. `needing`: how many do."""
    start, end = (number - 1) * size, number * size
    rows = rows_of(target)
    found = list(rows.filter(NEEDS_HOST)[start:end]) if start < needing else []
    if end > needing:
        found += rows.exclude(NEEDS_HOST)[max(0, start - needing) : end - needing]
    return found


def page_with(target: Event | Community, pk: UUID, size: int = PAGE_SIZE) -> int:
    """The page on which a row stands; 1 where there is no such row."""
    rows = Invitation.objects.filter(**Target(target).only)
    place = rows.filter(pk=pk).values_list(*IN_ORDER).first()
    if place is None:
        return 1
    before = _compared("lt", *place)
    if rows.filter(NEEDS_HOST, pk=pk).exists():
        number = rows.filter(NEEDS_HOST).filter(before).count()
    else:
        number = rows.filter(NEEDS_HOST).count() + rows.exclude(NEEDS_HOST).filter(before).count()
    return number // size + 1


def after(target: Event | Community, cursor: str, limit: int) -> tuple[list[Invitation], str]:
    """The next rows in the order in which they were made, and the cursor of those that follow ("": none do).

    Raises WrongCursor.
    """
    rows = rows_of(target)
    if cursor:
        place = _place(cursor)
        rows = rows.filter(_compared("gt", *place), created_at__gte=place[0])  # the second condition is for the index
    limit = max(1, min(limit, MAX_LISTED))
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return found[:limit], _cursor(found[limit - 1]) if more else ""


def _cursor(row: Invitation) -> str:
    text = f"{row.created_at.astimezone(dt.UTC):%Y%m%d%H%M%S%f}{row.pk.hex}{row.rkey}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _compared(how: str, created_at: dt.datetime, rkey: str, pk: UUID) -> Q:
    """The rows before (`lt`) or after (`gt`) this place."""
    same = Q(created_at=created_at) & (Q(**{f"rkey__{how}": rkey}) | Q(rkey=rkey, **{f"pk__{how}": pk}))
    return Q(**{f"created_at__{how}": created_at}) | same


def _place(cursor: str) -> tuple[dt.datetime, str, UUID]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        made, pk, rkey = _CURSOR.findall(text)[0]
        return dt.datetime.strptime(made, "%Y%m%d%H%M%S%f").replace(tzinfo=dt.UTC), rkey, UUID(hex=pk)
    except (binascii.Error, UnicodeDecodeError, ValueError, IndexError) as fault:
        raise WrongCursor(cursor[:20]) from fault
