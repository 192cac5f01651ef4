"""How much a server still takes: from the rate-limit headers of its answers, for an account and for the whole site.

A PDS counts in two ways. Writes are counted by account, in points (create 3, update 2, delete 1; 5,000 an hour, 35,000
a day). Requests of any kind are counted by address, 3,000 in five minutes, and all members on one PDS share ours. It
tells the tighter of the two, and its policy's window says which one it is.

An account that has no points left rests (`AccountLane`); a server that has had enough of us is left alone altogether
(`PdsHost`), and the accounts elsewhere go on. Both are rows, so that every process knows of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils import timezone

from elonara.atproto.error_responses import RateLimit, rate_limit
from elonara.atproto.http import Response
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky.models import AccountLane, AppPasswordSession, MemberIdentity, PdsHost
from elonara.compiled_queries import CompiledQuery

CREATE_POINTS: Final = 3  # points
DELETE_POINTS: Final = 1
BY_ADDRESS: Final = 300  # seconds: the window of limits that count by address
# The last part of the address's share is for people who wait for a page: sign-in, followers, search.
RESERVED_SHARE: Final = 0.1
MAX_PAUSE: Final = timedelta(days=1)

log = logging.getLogger(__name__)

_RESTING = CompiledQuery(lambda now: PdsHost.objects.filter(paused_until__gt=now).values_list("origin", "paused_until"))


@dataclass(frozen=True)
class BudgetedAuthorizer:
    """An authorizer that also notes what the answers say about budgets."""

    inner: Authorizer
    did: str
    origin: str

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """See `Authorizer`."""
        return self.inner.headers(method, url)

    def retry(self, method: str, url: str, answer: Response) -> bool:
        """See `Authorizer`."""
        return self.inner.retry(method, url, answer)

    def observe(self, url: str, answer: Response) -> None:
        """See `Authorizer`."""
        self.inner.observe(url, answer)
        _note_answer(self.did, self.origin, answer)


@dataclass(frozen=True)
class AnonymousAuthorizer:
    """An authorizer of calls that need none: it only notes what the answers say about the server's budget."""

    did: str
    origin: str

    def headers(self, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002
        """See `Authorizer`."""
        return {}

    def retry(self, method: str, url: str, answer: Response) -> bool:  # noqa: ARG002
        """See `Authorizer`."""
        return False

    def observe(self, url: str, answer: Response) -> None:  # noqa: ARG002
        """See `Authorizer`."""
        _note_answer(self.did, self.origin, answer)


def note(did: str, pds_url: str, budget: RateLimit, *, refused: bool) -> None:
    """Let the account, or the whole server, rest where the budget is used up. Writes nothing while there is enough."""
    until = _until(budget)
    if until is None:
        return
    left = 0 if refused else budget.remaining
    if left is None:
        return
    if budget.window is not None and budget.window <= BY_ADDRESS:
        if left < RESERVED_SHARE * (budget.limit or 0) or refused:
            _pause_host(origin_of(pds_url), until)
    elif left < DELETE_POINTS:
        AccountLane.objects.filter(_sooner("paused_until", until), author_did=did).update(
            paused_until=until, pause_reason="rate_limited"
        )
    elif left < CREATE_POINTS:
        # Taking back still goes; the next post waits.
        AccountLane.objects.filter(_sooner("next_at", until), author_did=did).update(next_at=until)


def _note_answer(did: str, origin: str, answer: Response) -> None:
    found = rate_limit(answer.headers)
    if found is not None:
        note(did, origin, found, refused=answer.status == 429)


def paused_until(author_did: str) -> datetime | None:
    """Until when the server of this account is left alone, None where it is not. Costs one query while all is well."""
    paused: dict[str, datetime] = dict(_RESTING.all(now=timezone.now()))
    if not paused:
        return None
    urls = {
        *MemberIdentity.objects.filter(bsky_did=author_did).values_list("pds_url", flat=True),
        *AppPasswordSession.objects.filter(did=author_did).values_list("pds_url", flat=True),
    }
    return max((paused[origin] for url in urls if (origin := origin_of(url)) in paused), default=None)


def resume(origin: str) -> bool:
    """The operator lets the site ask a server again at once. False where it was not left alone."""
    return PdsHost.objects.filter(origin=origin).delete()[0] > 0


def origin_of(url: str) -> str:
    """`https://pds.example` of any address there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _pause_host(origin: str, until: datetime) -> None:
    _, fresh = PdsHost.objects.update_or_create(
        origin=origin, defaults={"paused_until": until, "reason": "rate_limited"}
    )
    if fresh:
        log.warning("%s has had enough of our requests; it is left alone until %s", origin, until.isoformat())


def _until(budget: RateLimit) -> datetime | None:
    now = timezone.now()
    # The moment is by the server's clock: seconds are surer, and no window lasts longer than itself.
    until = budget.resets_at if budget.retry_after is None else now + timedelta(seconds=budget.retry_after)
    if until is None or until <= now:
        return None
    return min(until, now + min(timedelta(seconds=budget.window or MAX_PAUSE.total_seconds()), MAX_PAUSE))


def _sooner(column: str, until: datetime) -> Q:
    return Q(**{column: None}) | Q(**{f"{column}__lt": until})
