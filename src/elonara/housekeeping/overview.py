"""How it stands with what the site sends: for the operator's page and for monitoring. A fixed number of queries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Min, Q
from django.utils import timezone

from elonara.bluesky.models import AccountLane, AppPasswordSession, MemberIdentity, PdsHost
from elonara.housekeeping import workers
from elonara.housekeeping.models import Errand, Letter, Worker
from elonara.invitations import reasons
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.invitations.moves import Row

MODELS: Final[tuple[type[Row], ...]] = (Announcement, Invitation)
UNDER_WAY: Final = (State.QUEUED, State.SENDING, State.WAITING, State.UNDOING)
ACCOUNTS: Final = 200  # on the page; those with work, the longest waiting first


@dataclass(frozen=True)
class Account:
    """What one author account has before it. `oldest` is when its longest due post became due."""

    did: str
    handle: str
    queued: int
    sending: int
    waiting: int
    undoing: int
    failed: int
    oldest: datetime | None
    paused_until: datetime | None
    pause_reason: str
    working: bool


@dataclass(frozen=True)
class Trouble:
    """A reason and how many posts failed or wait for it."""

    state: str
    reason: str
    sentence: str
    count: int


@dataclass(frozen=True)
class Overview:
    """Everything at one moment."""

    counts: dict[str, int]  # by state, announcements and invitations together; every state is there
    oldest_due: float  # seconds since the longest due post could have gone; 0 when nothing is due
    accounts: list[Account]
    troubles: list[Trouble]
    paused: list[HostSending]
    servers: list[PdsHost]
    workers: list[Worker]
    silent: list[Worker]
    errands: list[Errand]
    letters: int


def overview() -> Overview:
    """Look now."""
    now = timezone.now()
    accounts = _accounts(now)
    due = [one.oldest for one in accounts if one.oldest is not None]
    return Overview(
        counts=counts(),
        oldest_due=max(0.0, (now - min(due)).total_seconds()) if due else 0.0,
        accounts=accounts[:ACCOUNTS],
        troubles=_troubles(),
        paused=list(HostSending.objects.exclude(paused_at=None).select_related("host").order_by("paused_at")),
        servers=list(PdsHost.objects.filter(paused_until__gt=now).order_by("origin")),
        workers=workers.alive(),
        silent=workers.silent(),
        errands=list(Errand.objects.order_by("name")),
        letters=Letter.objects.count(),
    )


def counts() -> dict[str, int]:
    """How many posts are in each state."""
    found: Counter[str] = Counter({state.value: 0 for state in State})
    for model in MODELS:
        found.update(dict(model.objects.order_by().values_list("state").annotate(number=Count("pk"))))
    return dict(found)


def _accounts(now: datetime) -> list[Account]:
    numbers: dict[str, Counter[str]] = {}
    oldest: dict[str, datetime] = {}
    due = Q(state__in=(State.QUEUED, State.UNDOING), next_attempt_at__lte=now)
    for model in MODELS:
        rows = model.objects.filter(state__in=(*UNDER_WAY, State.FAILED)).order_by()
        for did, state, number, first in rows.values_list("author_did", "state").annotate(
            number=Count("pk"), first=Min("next_attempt_at", filter=due)
        ):
            numbers.setdefault(did, Counter())[state] += number
            if first is not None:
                oldest[did] = min(first, oldest.get(did, first))
    lanes = AccountLane.objects.in_bulk(list(numbers))
    handles = dict(AppPasswordSession.objects.filter(did__in=numbers).values_list("did", "handle"))
    handles |= dict(MemberIdentity.objects.filter(bsky_did__in=numbers).values_list("bsky_did", "bsky_handle"))
    found = [
        _account(did, count, handles.get(did, ""), oldest.get(did), lanes.get(did), now)
        for did, count in numbers.items()
    ]
    return sorted(found, key=lambda one: (one.oldest is None, one.oldest or now, one.handle))


def _account(  # noqa: PLR0917
    did: str, count: Counter[str], handle: str, oldest: datetime | None, lane: AccountLane | None, now: datetime
) -> Account:
    resting = lane is not None and lane.paused_until is not None and lane.paused_until > now
    return Account(
        did=did,
        handle=handle,
        queued=count[State.QUEUED],
        sending=count[State.SENDING],
        waiting=count[State.WAITING],
        undoing=count[State.UNDOING],
        failed=count[State.FAILED],
        oldest=oldest,
        paused_until=lane.paused_until if lane is not None and resting else None,
        pause_reason=lane.pause_reason if lane is not None and resting else "",
        working=lane is not None and lane.lease_until is not None and lane.lease_until > now,
    )


def _troubles() -> list[Trouble]:
    found: Counter[tuple[str, str]] = Counter()
    for model in MODELS:
        rows = model.objects.filter(state__in=(State.FAILED, State.WAITING, State.QUEUED)).exclude(reason="")
        for state, reason, number in rows.order_by().values_list("state", "reason").annotate(number=Count("pk")):
            found[state, reason] += number
    return [Trouble(state, reason, reasons.sentence(reason), number) for (state, reason), number in found.most_common()]
