"""Whom a member talks with: whom she answered or mentioned in her last posts. Public data, read anonymously.

Three reads of `app.bsky.feed.getAuthorFeed` (https://docs.bsky.app/docs/api/app-bsky-feed-get-author-feed) show her
last 300 posts and reposts. Counts and times are stored with the people, and deleted with the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from elonara.atproto.syntax import is_did
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.circles import strangers
from elonara.bluesky.graph.circles.due_reads import Claim, DueRead
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.identity.people import MAX_DID_LENGTH, Person

TALKS: Final = DueRead("talks", due_at="talks_due_at", read_at="talks_read_at")
READS: Final = 3  # pages of her feed
PAGE_SIZE: Final = 100  # posts: the most that getAuthorFeed returns
MAX_PAGE_BYTES: Final = 8 << 20  # a hundred posts with what they answer, cards and pictures
MAX_PEOPLE: Final = 200  # who are stored: those whom she addressed most
FEED: Final = "app.bsky.feed.getAuthorFeed"
PROFILES: Final = "app.bsky.actor.getProfiles"
UNDATED: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Talk:
    """How often she addressed somebody, and when last. `person` is the profile that a post showed, if one did."""

    did: str
    posts: int = 0
    at: datetime = UNDATED
    person: Person | None = None


@dataclass
class _Post:
    """One post of hers: whom it addresses."""

    at: datetime
    answered: str = ""
    mentioned: set[str] = field(default_factory=set)
    person: Person | None = None  # whom she answered


def install() -> None:
    """Register the job. Doing it twice changes nothing."""
    TALKS.install(read)


def read(claim: Claim) -> None:
    """Read her last posts, and store whom they address in place of what was stored before. Raises GraphUnavailable."""
    talks = most(counted(claim.graph.bsky_did, _feed(claim.graph.bsky_did)))
    people = _profiles(claim, talks)
    with transaction.atomic():
        if not claim.holds():
            return
        ids = strangers.add(claim.graph, people)
        rows = KnownPerson.objects.filter(graph=claim.graph)
        found = {talk.did: talk for talk in talks}
        rows.filter(talked__gt=0).exclude(did__in=list(found)).update(talked=0, talked_at=None)
        stored = [
            KnownPerson(pk=pk, talked=found[did].posts, talked_at=found[did].at)
            for did, pk in (ids | _stored(claim, found)).items()
        ]
        KnownPerson.objects.bulk_update(stored, ["talked", "talked_at"], batch_size=100)
        claim.finish(conversations=len(stored))
    strangers.forget_unneeded(claim.graph.pk)


def counted(did: str, items: Iterable[object]) -> list[Talk]:
    """Whom the posts of `did` in these items of a feed address, each once a post, however many ways."""
    talks: dict[str, Talk] = {}
    for post in _posts(did, items):
        for other in {post.answered, *post.mentioned} - {"", did}:
            talk = talks.setdefault(other, Talk(other))
            talk.posts, talk.at = talk.posts + 1, max(talk.at, post.at)
            if other == post.answered and post.person is not None and talk.person is None:
                talk.person = post.person  # the newest post is the first
    return list(talks.values())


def most(talks: Iterable[Talk]) -> list[Talk]:
    """Those whom she addressed most often, and of these the latest, first."""
    return sorted(talks, key=lambda talk: (talk.posts, talk.at), reverse=True)[:MAX_PEOPLE]


def _feed(did: str) -> list[object]:
    items: list[object] = []
    cursor = None
    for _ in range(READS):
        params = {"actor": did, "filter": "posts_with_replies", "limit": PAGE_SIZE, "cursor": cursor}
        page = graph_service.current().read_public(FEED, params, max_bytes=MAX_PAGE_BYTES)
        found = page.get("feed")
        items += found if isinstance(found, list) else []
        cursor = page.get("cursor")
        if not isinstance(cursor, str) or not cursor:
            break
    return items


def _posts(did: str, items: Iterable[object]) -> Iterator[_Post]:
    seen: set[str] = set()
    for item in items:
        post, record = _part(item, "post"), _part(item, "post", "record")
        uri = post.get("uri")
        # Reposts are others' posts; a pinned post comes twice.
        if _part(post, "author").get("did") != did or not isinstance(uri, str) or uri in seen:
            continue
        seen.add(uri)
        parent = _part(item, "reply", "parent")
        # As the server dates it: what a post says of itself can be any time.
        yield _Post(
            at=_moment(post.get("indexedAt")),
            answered=_answered(_part(record, "reply", "parent").get("uri"), parent),
            mentioned=set(_mentioned(record)),
            person=_author(parent),
        )


def _answered(uri: object, parent: dict[str, Any]) -> str:
    """The author of the post that was answered; "" where one of the two has blocked the other since, or it is gone."""
    if parent.get("$type") in {"app.bsky.feed.defs#blockedPost", "app.bsky.feed.defs#notFoundPost"}:
        return ""
    author = uri.removeprefix("at://").partition("/")[0] if isinstance(uri, str) else ""
    return author if _is_did(author) else ""


def _mentioned(record: dict[str, Any]) -> Iterator[str]:
    facets = record.get("facets")
    for facet in facets if isinstance(facets, list) else []:
        features = facet.get("features") if isinstance(facet, dict) else None
        for feature in features if isinstance(features, list) else []:
            if isinstance(feature, dict) and feature.get("$type") == "app.bsky.richtext.facet#mention":
                did = feature.get("did")
                if isinstance(did, str) and _is_did(did):
                    yield did


def _author(parent: dict[str, Any]) -> Person | None:
    try:
        return Person.from_profile(parent["author"], known=False)
    except (KeyError, TypeError, AttributeError):
        return None


def _profiles(claim: Claim, talks: list[Talk]) -> list[Person]:
    """The profiles of these people: as the posts showed them, or read for those of whom nothing is stored either."""
    people = {talk.did: talk.person for talk in talks if talk.person is not None and talk.person.did == talk.did}
    missing = [talk.did for talk in talks if talk.did not in people]
    missing = [did for did in missing if did not in _stored(claim, missing)]
    size = graph_service.PROFILES_PER_CALL
    for start in range(0, len(missing), size):
        batch = missing[start : start + size]
        found = graph_service.current().read_public(PROFILES, {"actors": batch}).get("profiles")
        for profile in found if isinstance(found, list) else []:
            person = _author({"author": profile})
            if person is not None and person.did in batch:
                people[person.did] = person
    return list(people.values())


def _stored(claim: Claim, dids: Iterable[str]) -> dict[str, int]:
    rows = KnownPerson.objects.filter(graph=claim.graph, did__in=list(dids))
    return dict(rows.values_list("did", "pk"))


def _part(value: object, *names: str) -> dict[str, Any]:
    """The object below these names, {} where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _is_did(text: str) -> bool:
    return len(text) <= MAX_DID_LENGTH and is_did(text)


def _moment(text: object) -> datetime:
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    now = timezone.now()
    if found is None or found.tzinfo is None:
        return UNDATED
    return min(found, now)
