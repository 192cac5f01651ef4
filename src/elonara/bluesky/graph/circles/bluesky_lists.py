"""A member's lists of people on Bluesky (curate lists), and who is on them. Read with her session.

One run of the job reads the names of her lists, or the people of one list; so it holds up no other job for long, and
after a crash goes on with the lists that are left: those whose `read_at` is null.
Methods: `app.bsky.graph.getLists` and `getList` (https://docs.bsky.app/docs/api/app-bsky-graph-get-list).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara import jobs
from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.circles import strangers
from elonara.bluesky.graph.circles.due_reads import Claim, DueRead
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.models import KnownList, KnownListMember
from elonara.bluesky.identity.people import MAX_NAME_LENGTH, Person, storable

LISTS: Final = DueRead("lists", due_at="lists_due_at", read_at="lists_read_at")
MAX_LISTS: Final = 20
MAX_PEOPLE: Final = 1000  # of one list
PAGE_SIZE: Final = 100  # the most that getLists and getList return
# Pages can be short or empty; a server that goes on for ever is left.
MAX_PAGES: Final = 3 * MAX_PEOPLE // PAGE_SIZE
MAX_URI_LENGTH: Final = 500  # as in our column
CURATE: Final = "app.bsky.graph.defs#curatelist"
NAMES: Final = "app.bsky.graph.getLists"
PEOPLE: Final = "app.bsky.graph.getList"


class _Resting(Exception):
    """The rate limit of her server is left to invitations until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


@dataclass(frozen=True)
class _Named:
    uri: str
    name: str


def install() -> None:
    """Register the job. Doing it twice changes nothing."""
    LISTS.install(read)


def read(claim: Claim) -> datetime | None:
    """Read the next part: the names of her lists, or who is on one of them. Returns when to go on.

    Raises GraphUnavailable.
    """
    unread = KnownList.objects.filter(graph=claim.graph, read_at=None).order_by("position", "pk")
    try:
        if (one := unread.first()) is None:
            _read_names(claim)
        else:
            _read_people(claim, one)
    except _Resting as resting:
        return claim.go_on(resting.until)
    if unread.exists():
        return claim.go_on()
    claim.finish()
    strangers.forget_unneeded(claim.graph.pk)
    return None


def _read_names(claim: Claim) -> None:
    found = _names(claim)
    with transaction.atomic():
        if not claim.holds():
            return
        gone = KnownList.objects.filter(graph=claim.graph).exclude(uri__in=[one.uri for one in found])
        _delete(list(gone.values_list("pk", flat=True)))
        rows = [
            KnownList(graph=claim.graph, uri=one.uri, name=one.name, position=number, read_at=None)
            for number, one in enumerate(found)
        ]
        KnownList.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["graph", "uri"], update_fields=["name", "position", "read_at"]
        )


def _read_people(claim: Claim, one: KnownList) -> None:
    try:
        people = _people(claim, one)
    except GraphUnavailable as fault:
        if not _is_gone(fault):
            raise
        with transaction.atomic():
            if claim.holds():
                _delete([one.pk])
        return
    # In parts, so that each transaction is short; one that is on the list stays on it all the time.
    size = PAGE_SIZE
    ids: set[int] = set()
    for start in range(0, len(people), size):
        with transaction.atomic():
            if not claim.holds():
                return
            some = set(strangers.add(claim.graph, people[start : start + size]).values())
            rows = [KnownListMember(known_list=one, person_id=pk) for pk in some]
            KnownListMember.objects.bulk_create(rows, ignore_conflicts=True)
        ids |= some
    with transaction.atomic():
        if not claim.holds():
            return
        members = KnownListMember.objects.filter(known_list=one)
        before = dict(members.values_list("pk", "person_id"))
        members.filter(pk__in=[pk for pk, person in before.items() if person not in ids]).delete()
        KnownList.objects.filter(pk=one.pk).update(people=len(ids), read_at=timezone.now())


def _names(claim: Claim) -> list[_Named]:
    found: dict[str, _Named] = {}
    for page in _pages(claim, NAMES, {"actor": None}):
        for item in _items(page, "lists"):
            uri, name = item.get("uri"), item.get("name")
            if item.get("purpose") == CURATE and isinstance(uri, str) and uri.startswith("at://"):
                text = storable(name).strip()[:MAX_NAME_LENGTH] if isinstance(name, str) else ""
                if len(uri) <= MAX_URI_LENGTH:
                    found.setdefault(uri, _Named(uri, text or _("A list")))
        if len(found) >= MAX_LISTS:
            break
    return list(found.values())[:MAX_LISTS]


def _people(claim: Claim, one: KnownList) -> list[Person]:
    found: dict[str, Person] = {}
    for page in _pages(claim, PEOPLE, {"list": one.uri}):
        for item in _items(page, "items"):
            try:
                person = Person.from_profile(item["subject"], known=page["known"])
            except (KeyError, TypeError, AttributeError):
                continue  # a malformed profile is left out; the others are shown
            if person.did != claim.graph.bsky_did:
                found.setdefault(person.did, person)
        if len(found) >= MAX_PEOPLE:
            break
    return list(found.values())[:MAX_PEOPLE]


def _pages(claim: Claim, nsid: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pages of a list, each with `known`: only one without a cursor is the last. As a sync, it leaves half of the
    server's rate limit to others. Raises _Resting.
    """
    cursor, reader = None, graph_service.current().reader(claim.member_id)
    for _page in range(MAX_PAGES):
        if jobs.stopping():
            raise GraphUnavailable("busy", _("The site is being restarted."))
        if (until := reader.rests_until()) is not None:
            raise _Resting(until)
        page, known = reader.read(claim.member_id, nsid, params | {"limit": PAGE_SIZE, "cursor": cursor})
        yield page | {"known": known}
        cursor = page.get("cursor")
        if not isinstance(cursor, str) or not cursor:
            return


def _items(page: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = page.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _is_gone(fault: GraphUnavailable) -> bool:
    """Whether the list was deleted between the two reads, or is hidden."""
    refused = fault.__cause__
    return isinstance(refused, XrpcError) and refused.kind is ErrorKind.BAD_REQUEST


def _delete(lists: Sequence[int]) -> None:
    KnownListMember.objects.filter(known_list__in=lists).delete()
    KnownList.objects.filter(pk__in=lists).delete()
