"""The synchronization of stored graphs: a job for each member who is connected.

It begins when a session is stored, and from then on by itself: every few hours the newest people, every week everybody
(`passes`). A run lasts a few seconds and no more than two of them are under way in a process, so that a hundred
thousand followers hold up no invitation. Pages and the API use `request` and `progress`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from elonara import jobs
from elonara.bluesky import hooks, rate_budgets
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph import store
from elonara.bluesky.graph.failures import FOR_THE_MEMBER, GraphUnavailable
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.passes import departed, slots
from elonara.bluesky.graph.passes.one_pass import Slice
from elonara.bluesky.graph.passes.progress import RESTING, SyncProgress, of, progress, sentence
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import MemberIdentity
from elonara.compiled_queries import CompiledQuery, insert
from elonara.locks import release, take_lease, this_thread
from elonara.members.models import Member

__all__ = ["SyncProgress", "of", "progress", "request"]

JOB_KIND: Final = "graph"
SLICE_SECONDS: Final = 3.0
DELETION_SECONDS: Final = 0.5  # in one run: a first page may wait for the place
LEASE_SECONDS: Final = 120.0  # more than a run takes, with the longest answer of a server
TAKEN_SECONDS: Final = 5.0  # until the lease is looked at again
FIRST_BACKOFF: Final = timedelta(seconds=15)  # doubled at each failure
LONGEST_BACKOFF: Final = timedelta(hours=1)
MEMBERS_BACKOFF: Final = timedelta(hours=6)  # where only she can help; a new session is noticed at once
MAX_FAILURES: Final = 20  # that are counted
SWEEP_BATCH: Final = 20  # rows a sweep; the next sweep takes the next ones

# Whoever runs a sync now loses its lease: what it has read belongs to a pass that is over.
NEXT_FENCE: Final[dict[str, Any]] = {"lease_fence": F("lease_fence") + 1, "lease_owner": "", "lease_until": None}

log = logging.getLogger(__name__)

# Asked whenever a session is stored. What is not there is None.
_OF_MEMBER = CompiledQuery(
    lambda member: Member.objects.filter(pk=member).values_list(
        "bluesky__state",
        "stored_graph__pk",
        "stored_graph__bsky_did",
        "stored_graph__read",
        "stored_graph__known",
        "stored_graph__pass_number",
    )
)


def install() -> None:
    """Register the job and the listeners. Doing it twice changes nothing."""
    jobs.register(JOB_KIND, poll, sweep)
    hooks.on_ready.add(ready)
    hooks.on_disconnect.add(disconnected)
    hooks.on_handle.add(handle_read)


def request(member: Member) -> SyncProgress:
    """Begin to read everybody again, unless that is under way. Raises GraphUnavailable where she is not connected."""
    graph = StoredGraph.objects.filter(member_id=member.pk).first()
    if graph is None:
        identity = identity_row(member.pk)
        if identity is None or identity.state != MemberIdentity.State.ACTIVE:
            raise GraphUnavailable("not_connected", sentence("not_connected"))
        ready(member.pk, identity.bsky_did)
        return progress(member.pk)
    if graph.state == StoredGraph.State.DONE or not graph.full:
        _begin_full(graph.pk, graph.pass_number)
    elif graph.state == StoredGraph.State.FAILED:
        StoredGraph.objects.filter(pk=graph.pk, state=StoredGraph.State.FAILED).update(**_due())
    jobs.wake(JOB_KIND, str(graph.pk))
    return progress(member.pk)


def ready(member_id: int, did: str) -> None:
    """A session was stored: read the member's people now. An app password alone reads nothing."""
    found = _OF_MEMBER.first(member=member_id)
    if found is None:
        return
    session, graph_id, of_did, read, known, pass_number = found
    if graph_id is not None and of_did != did:
        _give_up(member_id)
    if graph_id is None or of_did != did:
        graph = StoredGraph(member_id=member_id, bsky_did=did, due_at=timezone.now())
        if session != MemberIdentity.State.ACTIVE or not insert(graph, unless_there=True):
            return  # nothing to read with, or another process has just made it
        graph_id = graph.pk
    elif read and not known:
        _begin_full(graph_id, pass_number)  # blocks and mutes can be read now
    else:
        StoredGraph.objects.filter(pk=graph_id).update(due_at=timezone.now())
    jobs.wake(JOB_KIND, str(graph_id))


def disconnected(member_id: int, did: str) -> None:  # noqa: ARG001
    """From now on nobody can read the graph; a job deletes it. Called in the transaction that drops the tokens."""
    _give_up(member_id)


def handle_read(did: str, handle: str) -> None:
    """Store the handle of a DID in every graph that has it."""
    graphs = list(StoredGraph.objects.filter(member__isnull=False).values_list("pk", flat=True))
    store.note_handle(graphs, did, handle)


def begin_missing() -> int:
    """Periodic task: make the rows of connected members who have none, such as those of 0.1.0. Returns how many."""
    active = MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE)
    graphs = StoredGraph.objects.filter(member_id=OuterRef("member_id"))
    missing = list(active.filter(~Exists(graphs)).values_list("member_id", "bsky_did"))
    for member_id, did in missing:
        ready(member_id, did)
    return len(missing)


def poll(key: str) -> datetime | None:
    """Job handler: read or delete for a few seconds. Returns when to go on, None where a sweep finds the row."""
    graph = StoredGraph.objects.filter(pk=key).first()
    now = timezone.now()
    if graph is None:
        return None
    if graph.member_id is not None and (graph.due_at is None or graph.due_at > now):
        return None
    short = graph.member_id is None or _has_nobody(graph)
    with slots.taken(key, short=short) as after:
        if after is not None:
            return now + timedelta(seconds=after)
        if graph.member_id is None:
            return None if departed.forget(graph.pk, time.monotonic() + DELETION_SECONDS) else timezone.now()
        at = _under_lease(graph.pk, short=short)
    yielded = slots.yielded(key)
    return at if at is None or not yielded else max(at, timezone.now() + timedelta(seconds=yielded))


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Graphs that are due, and those of members who have disconnected."""
    for due in (Q(member=None), Q(due_at__lte=timezone.now())):
        rows = StoredGraph.objects.filter(due).order_by("due_at")
        for pk in rows.values_list("pk", flat=True)[:SWEEP_BATCH]:
            yield str(pk), None


def _has_nobody(graph: StoredGraph) -> bool:
    """Whether the first page of a first sync is to be read: somebody may wait for it, having just connected."""
    at_start = graph.side == StoredGraph.Side.FOLLOWERS and not graph.cursor
    return at_start and graph.full_read_at is None and graph.read == 0


def _begin_full(graph_id: int, pass_number: int) -> None:
    """Read everybody. Only where nobody has begun it since the row was read: a second press begins no second pass."""
    StoredGraph.objects.filter(pk=graph_id, member__isnull=False, pass_number=pass_number).update(
        **NEXT_FENCE, **_due(), failures=0, full=True, pass_number=F("pass_number") + 1,
        side=StoredGraph.Side.FOLLOWERS, cursor="", read=0, started_at=None,
    )  # fmt: skip


def _due() -> dict[str, Any]:
    return {"state": StoredGraph.State.RUNNING, "reason": "", "due_at": timezone.now()}


def _give_up(member_id: int) -> None:
    graph_id = StoredGraph.objects.filter(member_id=member_id).values_list("pk", flat=True).first()
    if graph_id is not None:
        StoredGraph.objects.filter(pk=graph_id).update(member=None, due_at=timezone.now(), **NEXT_FENCE)
        jobs.wake(JOB_KIND, str(graph_id))


def _under_lease(graph_id: int, *, short: bool) -> datetime | None:
    lease = take_lease(StoredGraph, graph_id, this_thread(), LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=TAKEN_SECONDS)
    try:
        graph = StoredGraph.objects.get(pk=graph_id)
        if graph.member_id is None or graph.due_at is None or graph.due_at > timezone.now():
            return timezone.now() if graph.member_id is None else None
        rest = rate_budgets.paused_until(graph.bsky_did)
        if rest is not None:
            lease.update(reason=RESTING, due_at=rest)
            return rest
        reader = graph_service.current().reader(graph.member_id)
        return _run(Slice(graph, lease, reader, seconds=SLICE_SECONDS, pages=1 if short else 0), graph)
    except store.LeaseLost:
        return timezone.now()  # asked for anew, or disconnected: the row says which
    finally:
        release(lease)


def _run(slice_: Slice, graph: StoredGraph) -> datetime | None:
    try:
        return slice_.run()
    except GraphUnavailable as fault:
        if fault.reason == graph_service.BAD_CURSOR:
            return slice_.begin_list_again(timezone.now() + FIRST_BACKOFF)
        log.info("the graph of member %s could not be read: %s", graph.member_id, fault)
        longest = MEMBERS_BACKOFF if fault.reason in FOR_THE_MEMBER else LONGEST_BACKOFF
        first = MEMBERS_BACKOFF if fault.reason in FOR_THE_MEMBER else FIRST_BACKOFF
        failures = min(graph.failures + 1, MAX_FAILURES)
        return slice_.failed(fault.reason, failures, timezone.now() + min(longest, first * 2 ** (failures - 1)))
