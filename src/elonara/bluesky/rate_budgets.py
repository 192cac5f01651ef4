"""How many requests a PDS still accepts, from the rate-limit headers of its responses, and who has to wait.

A PDS counts in two ways. Writes are counted by account, in points (create 3, update 2, delete 1; 5,000 an hour, 35,000
a day). Requests of any kind are counted by IP address, 3,000 in five minutes, and all members on one PDS share ours.
The headers have the tighter of the two; the window of the policy says which one it is.

An account without points is paused (`AccountLane`). A PDS whose limit by address is nearly used up gets no posts at all
for a while (`PdsHost`), and accounts on other servers go on. Both are rows, so that every process knows of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
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

CREATE_POINTS: Final = 3
DELETE_POINTS: Final = 1
ADDRESS_WINDOW_SECONDS: Final = 300  # a limit with a window of at most this counts by address
# This part of the limit by address is left for people who wait for a page: sign-in, followers, search.
RESERVED_SHARE: Final = 0.1
# Synchronizing the graph leaves this part of it to everything else, so that inviting goes first and meets no refusal.
SHARE_LEFT_BY_SYNCS: Final = 0.5
# More than the requests that are under way at once: the headers of their responses are not known yet.
REQUESTS_UNDER_WAY: Final = 20
MAX_SERVERS: Final = 1000  # whose budgets this process remembers
MAX_PAUSE: Final = timedelta(days=1)  # no server makes us wait for longer

log = logging.getLogger(__name__)

_RESTING = CompiledQuery(lambda now: PdsHost.objects.filter(paused_until__gt=now).values_list("origin", "paused_until"))


@dataclass(frozen=True)
class BudgetedAuthorizer:
    """An authorizer that also reads the rate-limit headers of the responses."""

    inner: Authorizer
    did: str
    origin: str

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """See `Authorizer`."""
        return self.inner.headers(method, url)

    def retry(self, method: str, url: str, response: Response) -> bool:
        """See `Authorizer`."""
        return self.inner.retry(method, url, response)

    def observe(self, url: str, response: Response) -> None:
        """See `Authorizer`."""
        self.inner.observe(url, response)
        _note_response(self.did, self.origin, response)


@dataclass(frozen=True)
class AnonymousAuthorizer:
    """For calls without authorization: it only reads the rate-limit headers of the responses."""

    did: str
    origin: str

    def headers(self, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002
        """See `Authorizer`."""
        return {}

    def retry(self, method: str, url: str, response: Response) -> bool:  # noqa: ARG002
        """See `Authorizer`."""
        return False

    def observe(self, url: str, response: Response) -> None:  # noqa: ARG002
        """See `Authorizer`."""
        _note_response(self.did, self.origin, response)


def note(did: str, pds_url: str, budget: RateLimit, *, refused: bool) -> None:
    """Pause the account, or the whole server, where the budget is used up. No query while there is enough."""
    until = _until(budget)
    if until is None:
        return
    left = 0 if refused else budget.remaining
    if left is None:
        return
    if budget.window is not None and budget.window <= ADDRESS_WINDOW_SECONDS:
        if left < RESERVED_SHARE * (budget.limit or 0) or refused:
            _pause_host(origin_of(pds_url), until)
    elif left < DELETE_POINTS:
        AccountLane.objects.filter(_sooner("paused_until", until), author_did=did).update(
            paused_until=until, pause_reason="rate_limited"
        )
    elif left < CREATE_POINTS:
        # A deletion is still possible; the next post waits.
        AccountLane.objects.filter(_sooner("next_at", until), author_did=did).update(next_at=until)


def _note_response(did: str, origin: str, response: Response) -> None:
    found = rate_limit(response.headers)
    if found is not None:
        if found.window is not None and found.window <= ADDRESS_WINDOW_SECONDS:
            _remember(origin, found)
        note(did, origin, found, refused=response.status == 429)


# By origin: until when a sync leaves it alone, as its last response said; None: it need not.
_syncs_rest: dict[str, datetime | None] = {}


def _remember(origin: str, budget: RateLimit) -> None:
    limit, left = budget.limit or 0, budget.remaining
    enough = left is None or left > min(SHARE_LEFT_BY_SYNCS * limit + REQUESTS_UNDER_WAY, limit - 1)
    if len(_syncs_rest) >= MAX_SERVERS:
        _syncs_rest.clear()  # the next response of each says it again
    _syncs_rest[origin] = None if enough else _until(budget)


def syncs_rest_until(pds_url: str) -> datetime | None:
    """Until when synchronizing leaves the limit by address of this server to others; None where it may go on."""
    until = _syncs_rest.get(origin_of(pds_url))
    return until if until is not None and until > timezone.now() else None


def paused_until(author_did: str) -> datetime | None:
    """Until when the PDS of this account is paused, None where it is not. One query while no server is paused."""
    paused: dict[str, datetime] = dict(_RESTING.all(now=timezone.now()))
    if not paused:
        return None
    urls = {
        *MemberIdentity.objects.filter(bsky_did=author_did).values_list("pds_url", flat=True),
        *AppPasswordSession.objects.filter(did=author_did).values_list("pds_url", flat=True),
    }
    return max((paused[origin] for url in urls if (origin := origin_of(url)) in paused), default=None)


def pauses(author_dids: Collection[str]) -> dict[str, datetime]:
    """`paused_until` of those accounts whose PDS is paused. One query while no server is paused, else three."""
    paused: dict[str, datetime] = dict(_RESTING.all(now=timezone.now()))
    if not paused:
        return {}
    # All accounts and not those asked about: a list of them may be longer than a statement takes.
    urls = [
        *MemberIdentity.objects.exclude(pds_url="").values_list("bsky_did", "pds_url"),
        *AppPasswordSession.objects.values_list("did", "pds_url"),
    ]
    found: dict[str, datetime] = {}
    for did, url in urls:
        if did in author_dids and (until := paused.get(origin_of(url))) is not None:
            found[did] = max(until, found.get(did, until))
    return found


def resume(origin: str) -> bool:
    """End the pause of a server, when the operator asks for it. False where it was not paused."""
    return PdsHost.objects.filter(origin=origin).delete()[0] > 0


def origin_of(url: str) -> str:
    """The origin of a URL, such as `https://pds.example`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _pause_host(origin: str, until: datetime) -> None:
    _, created = PdsHost.objects.update_or_create(
        origin=origin, defaults={"paused_until": until, "reason": "rate_limited"}
    )
    if created:
        log.warning("%s accepts no more requests from this address; it is paused until %s", origin, until.isoformat())


def _until(budget: RateLimit) -> datetime | None:
    now = timezone.now()
    # `resets_at` is by the server's clock, so seconds are preferred, and nothing lasts longer than the limit's window.
    until = budget.resets_at if budget.retry_after is None else now + timedelta(seconds=budget.retry_after)
    if until is None or until <= now:
        return None
    return min(until, now + min(timedelta(seconds=budget.window or MAX_PAUSE.total_seconds()), MAX_PAUSE))


def _sooner(column: str, until: datetime) -> Q:
    return Q(**{column: None}) | Q(**{f"{column}__lt": until})
