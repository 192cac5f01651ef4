"""The state of everything that the site sends, for the jobs page and for monitoring, in a fixed number of queries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Min, Model, Q
from django.utils import timezone

from elonara.bluesky.models import AccountLane, AppPasswordSession, MemberIdentity, PdsHost
from elonara.bluesky.oauth.self_check import CLOCK_NOTICE, METADATA_NOTICE
from elonara.housekeeping import workers
from elonara.housekeeping.models import OutgoingEmail, PeriodicTask, Worker
from elonara.invitations import reasons
from elonara.invitations.models import EmailInvitation, EmailState, HostSending, State
from elonara.invitations.outbox.due_times import due_times
from elonara.invitations.outbox.queue import earliest
from elonara.invitations.states import IN_PROGRESS
from elonara.invitations.transitions import MODELS
from elonara.mail import pausing
from elonara.mail.models import MailPause
from elonara.members.models import Member, Notice

MAX_ACCOUNTS: Final = 200  # on the page; those whose posts have been due longest come first


@dataclass(frozen=True)
class Account:
    """The posts of one author account by state. `oldest` is when its longest overdue post became due."""

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
    """How many rows of one model failed or wait for one reason; `since` is the time of the oldest."""

    model: str  # as in URLs of Django's admin
    state: str
    reason: str
    sentence: str
    count: int
    since: datetime


@dataclass(frozen=True)
class Overview:
    """What the jobs page and the metrics show."""

    counts: dict[str, int]  # announcements, updates and invitations together, by state; every state is a key
    oldest_due: float  # seconds for which the longest overdue post could have been sent; 0 when none is due
    accounts: list[Account]
    troubles: list[Trouble]
    by_email: dict[str, int]  # e-mail invitations by state; every state is a key
    oldest_email_due: float  # as `oldest_due`, for e-mail invitations
    email_troubles: list[Trouble]
    paused: list[HostSending]
    servers: list[PdsHost]
    workers: list[Worker]
    silent: list[Worker]
    tasks: list[PeriodicTask]
    mail_pause: MailPause | None  # while no e-mail leaves
    outgoing_emails: int  # queued e-mails of all other kinds
    own_troubles: list[str]  # a clock that is off, client metadata that cannot be fetched: what a notice says


def overview() -> Overview:
    """Read everything now."""
    now = timezone.now()
    overdue = _overdue(now)
    emails = EmailInvitation.objects.filter(state=EmailState.QUEUED, due_at__lte=now)
    return Overview(
        counts=counts(),
        oldest_due=_age(earliest(overdue.values()), now),
        accounts=_accounts(overdue, now),
        troubles=[trouble for model in MODELS for trouble in _troubles(model, "queued_at")],
        by_email=dict.fromkeys(EmailState.values, 0) | _counts_by_state(EmailInvitation),
        oldest_email_due=_age(emails.aggregate(first=Min("due_at"))["first"], now),
        email_troubles=_troubles(EmailInvitation, "created_at"),
        paused=list(HostSending.objects.exclude(paused_at=None).select_related("host").order_by("paused_at")),
        servers=list(PdsHost.objects.filter(paused_until__gt=now).order_by("origin")),
        workers=workers.alive(),
        silent=workers.silent(),
        tasks=list(PeriodicTask.objects.order_by("name")),
        mail_pause=pausing.current(),
        outgoing_emails=OutgoingEmail.objects.count(),
        own_troubles=own_troubles(),
    )


def own_troubles() -> list[str]:
    """What open notices say of a clock that is off and of client metadata that servers cannot fetch."""
    ours = Q(kind=METADATA_NOTICE) | Q(kind__startswith=CLOCK_NOTICE)
    operators = list(Member.objects.filter(is_superuser=True).values_list("pk", flat=True))
    found = Notice.objects.filter(ours, dismissed_at=None, member__in=operators)  # few, by their index
    return list(found.order_by("text").values_list("text", flat=True).distinct())


def counts() -> dict[str, int]:
    """How many posts are in each state."""
    found: Counter[str] = Counter({state.value: 0 for state in State})
    for model in MODELS:
        found.update(_counts_by_state(model))
    return dict(found)


def _counts_by_state(model: type[Model]) -> dict[str, int]:
    rows = model._default_manager.order_by().values_list("state")
    return dict(rows.annotate(number=Count("state")))  # counted in the index alone


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def _overdue(now: datetime) -> dict[str, datetime]:
    """The accounts with posts that could have been sent, and since when."""
    found = {}
    for one in due_times(now):
        # A post that waits for its host, the operator or another post is not overdue, however long it waits.
        first = earliest(at for at in (one.post, one.undoing) if at is not None and at <= now)
        if first is not None and (since := max(first, one.next_at or first, one.paused_until or first)) <= now:
            found[one.author_did] = since
    return found


def _accounts(overdue: dict[str, datetime], now: datetime) -> list[Account]:
    """Accounts with posts in progress or failed, those first whose posts have been due longest."""
    numbers: dict[str, Counter[str]] = {}
    for model in MODELS:
        rows = model.objects.filter(state__in=(*IN_PROGRESS, State.FAILED)).order_by()
        for did, state, number in rows.values_list("author_did", "state").annotate(number=Count("state")):
            numbers.setdefault(did, Counter())[state] += number
    shown = sorted(numbers, key=lambda did: (did not in overdue, overdue.get(did, now), did))[:MAX_ACCOUNTS]
    lanes = AccountLane.objects.in_bulk(shown)
    handles = dict(AppPasswordSession.objects.filter(did__in=shown).values_list("did", "handle"))
    handles |= dict(MemberIdentity.objects.filter(bsky_did__in=shown).values_list("bsky_did", "bsky_handle"))
    return [
        _account(
            did=did, handle=handles.get(did, ""), count=numbers[did], oldest=overdue.get(did), lane=lanes.get(did),
            now=now,
        )
        for did in shown
    ]  # fmt: skip


def _account(
    *, did: str, handle: str, count: Counter[str], oldest: datetime | None, lane: AccountLane | None, now: datetime
) -> Account:
    pause = lane.rests_until(now) if lane is not None else None
    return Account(
        did=did,
        handle=handle,
        queued=count[State.QUEUED],
        sending=count[State.SENDING],
        waiting=count[State.WAITING],
        undoing=count[State.UNDOING],
        failed=count[State.FAILED],
        oldest=oldest,
        paused_until=pause,
        pause_reason=lane.pause_reason if lane is not None and pause is not None else "",
        working=lane is not None and lane.lease_until is not None and lane.lease_until > now,
    )


def _troubles(model: type[Model], since: str) -> list[Trouble]:
    rows = model._default_manager.filter(state__in=(State.FAILED, State.WAITING, State.QUEUED)).exclude(reason="")
    found = rows.order_by().values_list("state", "reason").annotate(number=Count("state"), first=Min(since))
    return [
        Trouble(model._meta.model_name or "", state, reason, reasons.sentence(reason), number, first)
        for state, reason, number, first in found.order_by("-number", "reason")
    ]
