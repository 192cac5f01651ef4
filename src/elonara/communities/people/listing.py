"""The people of a community, for programs that follow a cursor. Pages number theirs (`queries.people`).

The cursor is the place of the last row given, and not its number: who joins or leaves meanwhile makes nobody come
twice, and hides nobody. Whoever gets another role meanwhile moves, and may do either.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Any, Final

from django.db.models import Q

from elonara.communities.models import Community, Membership
from elonara.communities.queries import people

MOST_LISTED: Final = 100  # people in one answer
_PARTS: Final = 3
_MAX_ID: Final = 2**63 - 1


class WrongMembersCursor(ValueError):
    """A cursor that this site has not given."""


def after(community: Community, search: str, cursor: str, limit: int) -> tuple[list[Membership], str]:
    """The next people in the order of `queries.people`, and the cursor of those that follow ("": none do).

    Raises WrongMembersCursor.
    """
    rows = people(community, search)
    if cursor:
        rank, joined_at, pk = _place(cursor)
        later = Q(joined_at__gt=joined_at) | Q(joined_at=joined_at, pk__gt=pk)
        rows = rows.filter(Q(rank__gt=rank) | Q(later, rank=rank))
    limit = max(1, min(limit, MOST_LISTED))
    found = list(rows[: limit + 1])
    return found[:limit], _cursor(found[limit - 1]) if len(found) > limit else ""


def _cursor(row: Any) -> str:
    text = f"{row.rank}.{row.joined_at.astimezone(dt.UTC):%Y%m%d%H%M%S%f}.{row.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, dt.datetime, int]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        parts = text.split(".")
        if len(parts) != _PARTS or not all(part.isdigit() for part in parts):
            raise WrongMembersCursor(cursor[:20])
        joined_at = dt.datetime.strptime(parts[1], "%Y%m%d%H%M%S%f").replace(tzinfo=dt.UTC)
        return min(int(parts[0]), 9), joined_at, min(int(parts[2]), _MAX_ID)
    except (binascii.Error, UnicodeDecodeError, ValueError) as fault:
        raise WrongMembersCursor(cursor[:20]) from fault
