"""Reads of events. A list of events takes a fixed number of queries, however long it is."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from elonara import search_columns
from elonara.communities import queries as communities
from elonara.communities import transfer_rows
from elonara.communities.models import Membership, Visibility
from elonara.communities.principals import rows_of
from elonara.compiled_queries import CompiledQuery
from elonara.events.models import Event, EventHost, Rsvp
from elonara.members.models import Member
from elonara.members.queries import is_operator, may_act

# For events without an end.
DEFAULT_DURATION = timedelta(hours=3)
NEXT_EVENTS = 6  # on a front page


def _running() -> QuerySet[EventHost]:
    """The rows that give rights: hosts, and co-hosts who have accepted. Nothing else may read `EventHost` for that."""
    return EventHost.objects.filter(Q(role=EventHost.Role.HOST) | Q(accepted_at__isnull=False))


# These run before every post: see `elonara.compiled_queries`.
_ROLE = CompiledQuery(lambda event, who: _running().filter(event=event, member=who).values_list("role", flat=True))
_HOSTS = CompiledQuery(lambda event: _running().filter(event=event).values_list("member__bluesky__bsky_did", flat=True))


def _next_public(now: Any, began: Any) -> QuerySet[Event]:
    return with_going(public().filter(_ends_after(now, began)))[: 2 * NEXT_EVENTS]


# A visitor's home page and every event's page.
_NEXT_PUBLIC = CompiledQuery(_next_public)
_BY_SLUG = CompiledQuery(lambda slug: Event.objects.select_related("community", "created_by").filter(slug=slug))
# Of who is asked to be a co-host.
NOT_ANSWERED = Q(role=EventHost.Role.COHOST, accepted_at=None, declined_at=None)
_ASKED = CompiledQuery(
    lambda event, who: EventHost.objects.filter(NOT_ANSWERED, event=event, member=who).values_list("pk")
)
_SHOWN_HOSTS = CompiledQuery(lambda event: _hosts().filter(event=event))


def ends(event: Event) -> datetime:
    """When the event ends, with `DEFAULT_DURATION` where no end is given."""
    return event.ends_at or event.starts_at + DEFAULT_DURATION


def is_over(event: Event, now: datetime | None = None) -> bool:
    """Whether the event has ended."""
    return ends(event) <= (now or timezone.now())


def over_by(now: Any, began: Any, path: str = "") -> Q:
    """The condition for events that are over. `began` is `DEFAULT_DURATION` before `now`; `path` leads to the event."""
    without_end = {f"{path}ends_at": None, f"{path}starts_at__lte": began}
    return Q(**{f"{path}ends_at__lte": now}) | Q(**without_end)


def is_cancelled(event: Event) -> bool:
    """Whether the event was cancelled."""
    return event.status == Event.Status.CANCELLED


def role_of(event: Event, member: Member | None) -> str | None:
    """The member's role in the event: `host`, `cohost`, or None."""
    if member is None:
        return None
    return _ROLE.first(event=event.pk, who=member.pk)


def may_manage(event: Event, member: Member | None) -> bool:
    """Whether the member may change and cancel the event and see all its guests: its host and co-hosts, if active."""
    return may_act(member) and role_of(event, member) is not None


def may_invite(event: Event, member: Member | None) -> bool:
    """Whether the member may invite: hosts, and admins and moderators of the event's community."""
    if may_manage(event, member):
        return True
    return event.community is not None and communities.may_invite(event.community, member)


def is_withheld(event: Event) -> bool:
    """Whether it stays off public pages: an operator hid it, or suspended its host."""
    return event.hidden_at is not None or event.created_by.standing == Member.Standing.SUSPENDED


def may_see(event: Event, member: Member | None = None, proven_dids: Collection[str] = ()) -> bool:
    """Whether the viewer may see the event's page.

    Anybody may see a public event; a private one only its hosts and who is asked to be one or to take it over, those
    who answered, and members of its community.
    Invited people may too, but invitations are not known here: the caller checks that. An event of a suspended host
    counts as private. One that an operator has hidden is seen by its hosts, and if it is public by operators.
    """
    if event.hidden_at is not None:
        return may_manage(event, member) or (event.visibility == Visibility.PUBLIC and is_operator(member))
    if event.visibility == Visibility.PUBLIC and not is_withheld(event):
        return True
    if is_asked_to_host(event, member) or transfer_rows.asked(event, member) is not None:
        return True
    if member is None and not proven_dids:
        return False
    return visible_to(member, proven_dids).filter(pk=event.pk).exists()


def with_slug(slug: str) -> Event | None:
    """The event with this slug, with its community and its maker. The caller checks who may see it."""
    return _BY_SLUG.first(slug=slug)


def hosts(event: Event) -> list[EventHost]:
    """The host and the co-hosts with their members and Bluesky identities, the host first."""
    return _SHOWN_HOSTS.all(event=event.pk)


def asked_hosts(event: Event) -> list[EventHost]:
    """Who was asked to be a co-host and has not accepted, with members and Bluesky identities: for the hosts' eyes."""
    rows = EventHost.objects.filter(event=event, role=EventHost.Role.COHOST, accepted_at=None)
    return list(rows.select_related("member__bluesky").order_by("pk"))


def is_asked_to_host(event: Event, member: Member | None) -> bool:
    """Whether the member is asked to be a co-host and has answered neither way."""
    if member is None:
        return False
    return _ASKED.exists(event=event.pk, who=member.pk)


def hosting(member: Member) -> QuerySet[EventHost]:
    """The rows that make the member a host or co-host."""
    return _running().filter(member=member)


def host_rows(event: Any) -> QuerySet[EventHost]:
    """The rows of host and co-hosts of an event (or of an id), for a query that asks about more than them."""
    return _running().filter(event=event)


def host_dids(event: Event) -> set[str]:
    """The DIDs of host and co-hosts, who are never invited."""
    return {did for did in _HOSTS.all(event=event.pk) if did}


def visible_to(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Event]:
    """All events, past and cancelled ones too, that the viewer may see, by start."""
    visible = Q(visibility=Visibility.PUBLIC) & ~Q(created_by__standing=Member.Standing.SUSPENDED)
    if member is not None:
        visible |= Q(pk__in=_running().filter(member=member).values("event"))
    if member is not None or dids:
        mine = rows_of(member, tuple(dids))
        visible |= Q(pk__in=Rsvp.objects.filter(mine).values("event"))
        visible |= Q(community__in=Membership.objects.filter(mine).values("community"))
    return Event.objects.filter(visible).filter(_not_hidden_from(member)).order_by("starts_at", "pk")


def upcoming_public(search: str = "", *, now: datetime | None = None) -> QuerySet[Event]:
    """Public events that are not over, soonest first: none that is cancelled or hidden, none of a suspended host."""
    return matching(for_lists(not_over(public(), now)), search)


def matching(rows: QuerySet[Event], search: str) -> QuerySet[Event]:
    """Those whose title, place and description hold every word, first those whose title does; all where there is none.

    Among those that are as close, in the order of `rows`.
    """
    return search_columns.matching(rows, search, name="search_name", text="search_text")


def past(member: Member | None, dids: Collection[str] = (), *, now: datetime | None = None) -> QuerySet[Event]:
    """Events that the viewer may see and that have begun, the latest first."""
    begun = visible_to(member, dids).filter(starts_at__lt=now or timezone.now())
    return for_lists(begun).order_by("-starts_at", "-pk")


def past_public() -> QuerySet[Event]:
    """Public events that are over, the latest first: none that was cancelled or hidden, none of a suspended host."""
    now = timezone.now()
    return for_lists(public().filter(over_by(now, now - DEFAULT_DURATION))).order_by("-starts_at", "-pk")


def hosted_or_attended(member: Member, dids: Collection[str] = ()) -> QuerySet[Event]:
    """Every event the member hosts, co-hosts, or answered going or maybe to: those to come, the next one first, then
    those that are over, the latest first.
    """
    hosted = Q(pk__in=_running().filter(member=member).values("event"))
    attended = Q(pk__in=_attending(member, dids)) & _not_hidden_from(member)
    now = timezone.now()
    over = over_by(now, now - DEFAULT_DURATION)
    coming = Case(When(~over, then=F("starts_at")))  # NULL for those that are over
    rows = for_lists(Event.objects.filter(hosted | attended))
    return rows.order_by(Case(When(over, then=Value(1)), default=Value(0)), coming, "-starts_at", "-pk")


def next_public(besides: Collection[int] = ()) -> list[Event]:
    """The first of `upcoming_public` without at most six others, each with its `going_count` and nothing else."""
    now = timezone.now()
    found = _NEXT_PUBLIC.all(now=now, began=now - DEFAULT_DURATION)
    return [event for event in found if event.pk not in besides][:NEXT_EVENTS]


def public() -> QuerySet[Event]:
    """Public events of any time, in no order: none that is cancelled or hidden, none of a suspended host."""
    rows = Event.objects.filter(visibility=Visibility.PUBLIC, status=Event.Status.SCHEDULED, hidden_at=None)
    return rows.exclude(created_by__standing=Member.Standing.SUSPENDED)


def upcoming(member: Member | None, dids: Collection[str] = (), *, now: datetime | None = None) -> QuerySet[Event]:
    """For a member's home page: events she hosts, or answered going or maybe to, that are not over."""
    mine = Q(pk__in=_attending(member, dids))
    if member is not None:
        mine |= Q(pk__in=_running().filter(member=member).values("event"))
    return for_lists(not_over(Event.objects.filter(mine).filter(_not_hidden_from(member)), now))


def hosted_by(member: Member) -> QuerySet[Event]:
    """Every event the member hosts or co-hosts, the latest start first."""
    rows = Event.objects.filter(pk__in=_running().filter(member=member).values("event"))
    return for_lists(rows).order_by("-starts_at", "-pk")


def hosted_and_over(member: Any, now: Any, began: Any) -> QuerySet[Event]:
    """The events that the member hosts or co-hosts and that took place, not cancelled; the times as in `over_by`."""
    mine = Event.objects.filter(pk__in=_running().filter(member=member).values("event"))
    return mine.filter(over_by(now, began)).exclude(status=Event.Status.CANCELLED)


def attending(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Event]:
    """Every event that somebody answered going or maybe to, the latest start first."""
    mine = Event.objects.filter(_not_hidden_from(member), pk__in=_attending(member, dids))
    return for_lists(mine).order_by("-starts_at", "-pk")


def of_community(
    community_id: int, member: Member | None = None, dids: Collection[str] = (), *, now: datetime | None = None
) -> QuerySet[Event]:
    """The events of a community that are not over and that the viewer may see."""
    return for_lists(not_over(visible_to(member, dids).filter(community=community_id), now))


def for_lists(rows: QuerySet[Event]) -> QuerySet[Event]:
    """The same events by start, each with `going_count`, community and hosts: two queries."""
    rows = with_going(rows).select_related("community").prefetch_related(Prefetch("hosts", queryset=_hosts()))
    return rows.defer("community__search_name", "community__search_text")


def with_going(rows: QuerySet[Event]) -> QuerySet[Event]:
    """The same events by start, each with `going_count` (plus-ones included; 0 where numbers are hidden)."""
    going = (
        Rsvp.objects.filter(event=OuterRef("pk"), choice=Rsvp.Choice.GOING)
        .order_by()
        .values("event")
        .annotate(people=Count("pk") + Coalesce(Sum("plus_ones"), 0))
        .values("people")
    )
    # Of an event whose answers were deleted: the number that was kept.
    kept = Cast(KeyTextTransform("1", KeyTransform("going", "guest_totals")), IntegerField())
    counted = Coalesce(kept, Subquery(going, output_field=IntegerField()), 0)
    rows = rows.annotate(going_count=Case(When(count_hidden=True, then=Value(0)), default=counted))
    return rows.defer("search_name", "search_text").order_by("starts_at", "pk")


def _hosts() -> QuerySet[EventHost]:
    first = Case(When(role=EventHost.Role.HOST, then=Value(0)), default=Value(1), output_field=IntegerField())
    return _running().select_related("member__bluesky").order_by(first, "pk")


def _not_hidden_from(member: Member | None) -> Q:
    """Not hidden by an operator, or hosted by the member."""
    if member is None:
        return Q(hidden_at=None)
    return Q(hidden_at=None) | Q(pk__in=_running().filter(member=member).values("event"))


def _attending(member: Member | None, dids: Collection[str]) -> QuerySet[Rsvp]:
    coming = ~Q(choice__in=(Rsvp.Choice.CANT, Rsvp.Choice.REFUSED))
    return Rsvp.objects.filter(rows_of(member, tuple(dids)) & coming).values("event")  # type: ignore[return-value]


def not_over(rows: QuerySet[Event], now: datetime | None = None) -> QuerySet[Event]:
    """Those of the events that are not over."""
    now = now or timezone.now()
    return rows.filter(_ends_after(now, now - DEFAULT_DURATION))


def _ends_after(now: Any, began: Any) -> Q:
    return Q(ends_at__gt=now) | Q(ends_at=None, starts_at__gt=began)
