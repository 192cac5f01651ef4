"""What people are invited to: an event or a community, behind one interface."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from elonara.bluesky.models import MemberIdentity
from elonara.communities import queries as communities
from elonara.communities.models import Community, Membership, Visibility
from elonara.communities.validation import one_line
from elonara.compiled_queries import CompiledQuery
from elonara.events import queries as events
from elonara.events.link_cards import Card, card_for
from elonara.events.models import Event, Rsvp
from elonara.events.times import short_phrase, short_phrase_there
from elonara.invitations.models import Announcement, Batch, Correction, Invitation
from elonara.members.models import Member


def _is(did: Any) -> Q:
    return Q(did=did) | Q(member__bluesky__bsky_did=did)


# Asked before every post, so they are compiled queries.
_ANSWERED = CompiledQuery(lambda of, did: Rsvp.objects.filter(_is(did), event=of).values_list("pk", flat=True)[:1])
_BELONGS = CompiledQuery(
    lambda of, did: Membership.objects.filter(_is(did), community=of).values_list("pk", flat=True)[:1]
)


def runner_rows(kind: str, of: Any) -> tuple[QuerySet[Any], str]:
    """The rows of those who run an event or a community (`kind`), with a DID, and its column. `of`: it, or its id."""
    if kind == "event":
        column = "member__bluesky__bsky_did"
        return events.host_rows(of).filter(**{f"{column}__isnull": False}), column
    roles = (Membership.Role.ADMIN, Membership.Role.MODERATOR)
    members = Membership.objects.filter(community=of, role__in=roles).values("member_id")
    return MemberIdentity.objects.filter(member_id__in=members), "bsky_did"


def settled_rows(kind: str, of: Any, dids: Any) -> list[tuple[QuerySet[Any], str]]:
    """The RSVPs or memberships of those of `dids` who have one, with the column of their DID.

    By the DID with which they answered, and by the account that proved it.
    """
    rows = Rsvp.objects.filter(event=of) if kind == "event" else Membership.objects.filter(community=of)
    columns = ("did", "member__bluesky__bsky_did")
    return [(rows.filter(**{f"{column}__in": dids}), column) for column in columns]


@dataclass(frozen=True)
class Target:
    """One event or community. Equal targets are the same row."""

    of: Event | Community

    @property
    def kind(self) -> str:
        """`event` or `community`."""
        return "event" if isinstance(self.of, Event) else "community"

    @property
    def title(self) -> str:
        """Its title or name, on one line."""
        return one_line(self.of.title if isinstance(self.of, Event) else self.of.name)

    @property
    def url(self) -> str:
        """Its page on this site."""
        folder = "events" if isinstance(self.of, Event) else "communities"
        return f"{settings.ELONARA.site.url.rstrip('/')}/{folder}/{self.of.slug}"

    @property
    def is_private(self) -> bool:
        """Whether it is private, so that posts must not name it."""
        return self.of.visibility == Visibility.PRIVATE

    @property
    def is_withheld(self) -> bool:
        """Whether it stays off public pages: hidden by an operator, or left by somebody who is suspended."""
        return events.is_withheld(self.of) if isinstance(self.of, Event) else communities.is_withheld(self.of)

    @property
    def keys(self) -> dict[str, Any]:
        """Values for the two foreign keys of a row about it."""
        return {"event": None, "community": None, self.kind: self.of}

    @property
    def only(self) -> dict[str, Any]:
        """The filter for rows about it."""
        return {self.kind: self.of}

    @property
    def ends(self) -> dt.datetime | None:
        """When inviting to it ends: with the event. None for a community."""
        return events.ends(self.of) if isinstance(self.of, Event) else None

    def over(self, now: dt.datetime | None = None) -> str:
        """The reason why nobody can be invited any more: hidden, event_cancelled, event_over, closed, or ""."""
        if self.of.hidden_at is not None:
            return "hidden"
        if isinstance(self.of, Event):
            if self.of.status == Event.Status.CANCELLED:
                return "event_cancelled"
            return "event_over" if events.is_over(self.of, now) else ""
        return "closed" if self.of.closed_at else ""

    def may_invite(self, member: Member) -> bool:
        """Whether this member may invite: hosts of the event, admins and moderators of the (event's) community."""
        if isinstance(self.of, Event):
            return events.may_invite(self.of, member)
        return communities.may_invite(self.of, member)

    def runner_dids(self) -> set[str]:
        """The DIDs of those who run it: they are not invited."""
        if isinstance(self.of, Event):
            return events.host_dids(self.of)
        rows, column = runner_rows(self.kind, self.of)
        return set(rows.values_list(column, flat=True))

    def has_settled(self, did: str) -> bool:
        """Whether somebody has an RSVP or membership, as a compiled query."""
        return (_ANSWERED if self.kind == "event" else _BELONGS).exists(of=self.of.pk, did=did)

    def when(self) -> str:
        """`Sat 5 Dec 15:00` in the event's time zone, independent of today's date; "" for a community."""
        return short_phrase(self.of) if isinstance(self.of, Event) else ""

    def when_there(self) -> str:
        """`when` with the city of the time zone, as posts say it: `Sat 5 Dec 15:00 Lisbon`; "" for a community."""
        return short_phrase_there(self.of) if isinstance(self.of, Event) else ""

    @property
    def facts(self) -> dict[str, str]:
        """What posts about it say that may change: title, when, place and link; of a private one that it is private.

        `starts` is the moment: the same clock time in a zone with another offset makes a post wrong. An end, or a zone
        that changes neither, does not. Whole days are the same days in every zone.
        """
        if self.is_private:
            return {"private": self.kind}
        place = one_line(self.of.public_location) if isinstance(self.of, Event) else ""
        starts = ""
        if isinstance(self.of, Event) and not self.of.all_day:
            starts = self.of.starts_at.astimezone(dt.UTC).isoformat()
        return {"title": self.title, "when": self.when(), "starts": starts, "place": place, "link": self.url}

    def card(self) -> Card:
        """The link card: title, description and thumb, which for a private target do not name it."""
        return card_for(self.of)


def target_of(row: Invitation | Announcement | Correction | Batch) -> Target:
    """The target of a row. Raises ValueError for a row without one (a check constraint prevents that)."""
    of = row.event or row.community
    if of is None:
        raise ValueError("an invitation without a target")
    return Target(of)
