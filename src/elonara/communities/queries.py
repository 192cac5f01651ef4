"""Reading communities. Every page needs a fixed number of database queries, however many rows it shows."""

from collections.abc import Collection

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from elonara.communities.models import Community, Membership, Visibility
from elonara.communities.principals import rows_of
from elonara.members.models import Member
from elonara.members.queries import may_act


def membership_of(
    community: Community, member: Member | None = None, proven_dids: Collection[str] = ()
) -> Membership | None:
    """The viewer's membership; the one of the account takes precedence over that of a DID."""
    if member is None and not proven_dids:
        return None
    rows = Membership.objects.filter(rows_of(member, tuple(proven_dids)), community=community)
    return min(rows, key=lambda row: row.member_id is None, default=None)


def role_of(community: Community, member: Member | None, proven_dids: Collection[str] = ()) -> str | None:
    """`admin`, `moderator`, `member`, or None where the viewer is not in the community."""
    found = membership_of(community, member, proven_dids)
    return found.role if found else None


def may_manage(community: Community, member: Member | None) -> bool:
    """Whether the member may change and close the community and assign roles: active admins may."""
    return may_act(member) and role_of(community, member) == Membership.Role.ADMIN


def may_invite(community: Community, member: Member | None) -> bool:
    """Whether the member may invite, remove plain members and add events: active admins and moderators may."""
    return may_act(member) and role_of(community, member) in {Membership.Role.ADMIN, Membership.Role.MODERATOR}


def may_see(community: Community, member: Member | None = None, proven_dids: Collection[str] = ()) -> bool:
    """Whether the viewer may see the community: a public one that is open, or one that the viewer belongs to."""
    if community.visibility == Visibility.PUBLIC and community.closed_at is None:
        return True
    return membership_of(community, member, proven_dids) is not None


def visible_to(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Community]:
    """All communities that the viewer may see, by name."""
    public = Q(visibility=Visibility.PUBLIC, closed_at=None)
    if member is None and not dids:
        return Community.objects.filter(public).order_by("name", "pk")
    mine = Membership.objects.filter(rows_of(member, tuple(dids))).values("community")
    return Community.objects.filter(public | Q(pk__in=mine)).order_by("name", "pk")


def public(search: str = "") -> QuerySet[Community]:
    """Open public communities by name, with `member_count`, without those of suspended members."""
    rows = Community.objects.filter(visibility=Visibility.PUBLIC, closed_at=None)
    rows = rows.exclude(created_by__standing=Member.Standing.SUSPENDED)
    if search.strip():
        rows = rows.filter(Q(name__icontains=search.strip()) | Q(description__icontains=search.strip()))
    return with_counts(rows).order_by("name", "pk")


def communities_of(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Community]:
    """The communities somebody belongs to, by name, with `member_count`."""
    mine = Membership.objects.filter(rows_of(member, tuple(dids))).values("community")
    return with_counts(Community.objects.filter(pk__in=mine)).order_by("name", "pk")


def invitable_communities(member: Member) -> QuerySet[Community]:
    """The open communities that the member may invite to and add events to."""
    roles = (Membership.Role.ADMIN, Membership.Role.MODERATOR)
    mine = Membership.objects.filter(member=member, role__in=roles).values("community")
    return Community.objects.filter(pk__in=mine, closed_at=None).order_by("name", "pk")


def with_counts(rows: QuerySet[Community]) -> QuerySet[Community]:
    """The same rows, each with `member_count`."""
    return rows.annotate(member_count=Count("memberships"))


def by_slug(slug: str, member: Member | None = None, proven_dids: Collection[str] = ()) -> Community:
    """The community with that slug. Raises Community.DoesNotExist where there is none or the viewer may not see it."""
    community = Community.objects.select_related("created_by").get(slug=slug)
    if not may_see(community, member, proven_dids):
        raise Community.DoesNotExist
    return community


def people(community: Community) -> QuerySet[Membership]:
    """Memberships, with members and Bluesky identities: admins, then moderators, then members, each by join date."""
    order = Case(
        When(role=Membership.Role.ADMIN, then=Value(0)),
        When(role=Membership.Role.MODERATOR, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = Membership.objects.filter(community=community).select_related("member__bluesky")
    return rows.order_by(order, "joined_at", "pk")
