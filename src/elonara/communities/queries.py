"""Reading communities. Every page needs a fixed number of database queries, however many rows it shows."""

from collections.abc import Collection
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from elonara import folding, search_columns
from elonara.communities import transfer_rows
from elonara.communities.models import Community, Membership, Visibility
from elonara.communities.principals import rows_of
from elonara.members.models import Member
from elonara.members.queries import is_operator, may_act


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
    """Whether the member may invite, remove plain members and decide who joins: active admins and moderators."""
    return may_act(member) and role_of(community, member) in {Membership.Role.ADMIN, Membership.Role.MODERATOR}


def may_add_events(community: Community, member: Member | None) -> bool:
    """Whether the member may add events of hers: admins and moderators, and where admins allow it every member."""
    if community.members_add_events:
        return may_act(member) and role_of(community, member) is not None
    return may_invite(community, member)


def run_by(member: Member) -> QuerySet[Any, Any]:
    """The ids of the communities whose admin or moderator the member is; the caller checks that she may act."""
    roles = (Membership.Role.ADMIN, Membership.Role.MODERATOR)
    return Membership.objects.filter(member=member, role__in=roles).values("community")


def name_of(row: Any) -> str:
    """The name on a membership or removal: the member's, else that in the Bluesky profile when they joined."""
    return str(row.member.name if row.member else row.name or row.handle or _("Someone from Bluesky"))


def handle_of(row: Any) -> str:
    """The handle on a membership, a removal or a request: the member's linked one, else the one they joined with."""
    identity = getattr(row.member, "bluesky", None) if row.member else None
    return str(identity.bsky_handle if identity else getattr(row, "handle", ""))


def find(slug: str, member: Member | None, dids: Collection[str], invited: QuerySet[Any]) -> Community | None:
    """The community with this slug, if the viewer may see it; else None.

    `invited`: the ids of the communities that an invitation opens to her. What she may not see takes the same queries
    as what is not there.
    """
    community = Community.objects.select_related("created_by").filter(slug=slug).first()
    shown = Q(pk__in=visible_to(member, dids).order_by().values("pk")) | Q(hidden_at=None, pk__in=invited)
    if member is not None:
        asked = transfer_rows.open_to(member).filter(community__isnull=False).values("community")
        shown |= Q(hidden_at=None) & Q(pk__in=asked)
    if member is not None and may_act(member):
        shown |= Q(pk__in=run_by(member))
    if is_operator(member):
        shown |= Q(visibility=Visibility.PUBLIC, hidden_at__isnull=False)
    return community if Community.objects.filter(shown, slug=slug).exists() else None


def may_see(community: Community, member: Member | None = None, proven_dids: Collection[str] = ()) -> bool:
    """Whether the viewer may see the community: one that is public and open, that she belongs to, or may take over.

    One that an operator hid is seen by those who run it, and if it is public by operators.
    """
    if community.hidden_at is not None:
        public = community.visibility == Visibility.PUBLIC
        return may_invite(community, member) or (public and is_operator(member))
    if community.visibility == Visibility.PUBLIC and community.closed_at is None and not is_withheld(community):
        return True
    belongs = membership_of(community, member, proven_dids) is not None
    return belongs or transfer_rows.asked(community, member) is not None


def is_withheld(community: Community) -> bool:
    """Whether it stays off public pages: an operator hid it, or suspended its founder and no other admin is left."""
    if community.hidden_at is not None:
        return True
    return (
        community.created_by.standing == Member.Standing.SUSPENDED
        and not _active_admins().filter(community=community).exists()
    )


def visible_to(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Community]:
    """All communities that the viewer may see, by name."""
    public = Q(visibility=Visibility.PUBLIC, closed_at=None) & _has_an_admin()
    if member is None and not dids:
        return Community.objects.filter(public, hidden_at=None).order_by("name", "pk")
    mine = Q(pk__in=ids_of(member, dids))
    return Community.objects.filter(public | mine).filter(_not_hidden_from(member)).order_by("name", "pk")


def public(search: str = "") -> QuerySet[Community]:
    """Open public communities by name, with `member_count`, without hidden ones and those of suspended members.

    A search finds those whose name and description hold every word, first those whose name does.
    """
    rows = Community.objects.filter(_has_an_admin(), visibility=Visibility.PUBLIC, closed_at=None, hidden_at=None)
    return _listed(rows, search)


def communities_of(member: Member | None, dids: Collection[str] = (), search: str = "") -> QuerySet[Community]:
    """The communities somebody belongs to, by name, with `member_count`; the search is as in `public`."""
    return _listed(Community.objects.filter(_not_hidden_from(member), pk__in=ids_of(member, dids)), search)


def ids_of(member: Member | None, dids: Collection[str] = ()) -> QuerySet[Any, Any]:
    """The ids of the communities somebody belongs to."""
    return Membership.objects.filter(rows_of(member, tuple(dids))).values("community")


def _listed(rows: QuerySet[Community], search: str) -> QuerySet[Community]:
    named = with_counts(rows).order_by("name", "pk")
    return search_columns.matching(named, search, name="search_name", text="search_text")


def communities_for_events(member: Member, kept: int | None = None) -> QuerySet[Community]:
    """The open communities that the member may add events to, and `kept` (its id), where an event is now."""
    roles = (Membership.Role.ADMIN, Membership.Role.MODERATOR)
    may = Q(role__in=roles) | Q(community__members_add_events=True)
    mine = Membership.objects.filter(may, member=member).values("community")
    found = Q(pk__in=mine, closed_at=None, hidden_at=None) | Q(pk=kept)
    return Community.objects.filter(found).order_by("name", "pk")


def with_counts(rows: QuerySet[Community]) -> QuerySet[Community]:
    """The same rows, each with `member_count`."""
    return rows.annotate(member_count=Count("memberships")).defer("search_name", "search_text")


def may_see_people(community: Community, member: Member | None, proven_dids: Collection[str] = ()) -> bool:
    """Whether somebody who may see the community may see all its people: of a private one its members alone."""
    return community.visibility == Visibility.PUBLIC or membership_of(community, member, proven_dids) is not None


def people(community: Community, search: str = "") -> QuerySet[Membership]:
    """Memberships, with members and Bluesky identities: admins, then moderators, then members, each by join date.

    A search finds those whose name, username or handle holds every word.
    """
    order = Case(
        When(role=Membership.Role.ADMIN, then=Value(0)),
        When(role=Membership.Role.MODERATOR, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    rows = Membership.objects.filter(community=community).select_related("member__bluesky").annotate(rank=order)
    for word in folding.words_of(search):
        rows = rows.filter(_called(word))
    return rows.defer("search_text", "member__search_text").order_by("rank", "joined_at", "pk")


def _called(word: str) -> Q:
    """Whether a folded word is in what the list calls a person: her account's names and handle, else those she joined
    with.
    """
    how = "contains" if len(word) >= folding.MIN_SUBSTRING else "startswith"
    account = search_columns.word_of("member__search_text", word) | Q(**{f"member__bluesky__bsky_handle__{how}": word})
    return account | (Q(member=None) & search_columns.word_of("search_text", word))


def only_admin(community: Community) -> int | None:
    """The membership of the one admin who is left, and can neither leave nor get another role; None where more are."""
    found = _active_admins().filter(community=community).values_list("pk", flat=True)[:2]
    return found[0] if len(found) == 1 else None


def _active_admins() -> QuerySet[Membership]:
    return Membership.objects.filter(
        role=Membership.Role.ADMIN, member__is_active=True, member__standing=Member.Standing.ACTIVE
    )


def _has_an_admin() -> Q:
    """Not left to a founder who is suspended."""
    return ~Q(created_by__standing=Member.Standing.SUSPENDED) | Q(pk__in=_active_admins().values("community"))


def _not_hidden_from(member: Member | None) -> Q:
    """Not hidden by an operator, or run by the member."""
    if member is None:
        return Q(hidden_at=None)
    roles = (Membership.Role.ADMIN, Membership.Role.MODERATOR)
    return Q(hidden_at=None) | Q(pk__in=Membership.objects.filter(member=member, role__in=roles).values("community"))
