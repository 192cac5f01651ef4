"""The writes about memberships: joining, leaving, roles. Members of a community have an account or a proven DID."""

from django.db import IntegrityError, transaction
from django.db.models import Q

from elonara.communities import hooks, transfer_rows
from elonara.communities.models import Community, Membership, Visibility
from elonara.communities.principals import Principal, principal_of
from elonara.communities.queries import role_of
from elonara.compiled_queries import CompiledQuery
from elonara.members import audit
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

Role = Membership.Role
RANK = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}
CLOSED = "This community is closed; it can no longer be changed."
LAST_ADMIN = "{name} would have no admin. Make someone else an admin first, or close the community."

# Asked at every connect and every sign-in.
_UNADOPTED = CompiledQuery(
    lambda who, did: Membership.objects.filter(Q(member=None, did=did) | Q(member=who, did="")).values_list("pk")[:1]
)


def join(
    community: Community,
    *,
    member: Member | None = None,
    did: str = "",
    handle: str = "",
    name: str = "",
    invited: bool = False,
) -> Membership:
    """Add a person, given by account or by a DID that the caller has verified. Joining twice changes nothing.

    `invited`: the caller has verified an invitation. It opens a private community, and any community to people without
    an account and to members who wait for approval. Raises NotAllowed.
    """
    person = principal_of(member, did, handle, name)
    existing = _membership(community, person)
    if existing is not None:
        return existing
    if community.closed_at:
        raise NotAllowed("This community is closed; nobody can join.", "closed")
    if community.hidden_at:
        raise NotAllowed("This community has been hidden by the operator of this site.", "hidden")
    if not invited:
        if community.visibility == Visibility.PRIVATE:
            raise NotAllowed("This community is private. Ask one of its admins for an invitation.", "private")
        if person.member is None:
            raise NotAllowed("Sign in or create an account to join.", "sign_in")
        require_active(person.member)
    try:
        with transaction.atomic():
            row = Membership.objects.create(
                community=community, member=person.member, did=person.did, handle=person.handle, name=person.name
            )
            hooks.joined(row)
    except IntegrityError:
        row = Membership.objects.get(person.rows, community=community)  # joined by a simultaneous request
    return row


def leave(community: Community, *, member: Member | None = None, did: str = "") -> None:
    """Remove the person's own membership, if there is one. Raises NotAllowed for the last admin."""
    person = principal_of(member, did)
    with transaction.atomic():
        lock(community)
        row = _membership(community, person)
        if row is not None:
            _end_as_admin(community, row)
            row.delete()


def set_role(community: Community, *, by: Member, membership: Membership, role: str) -> Membership:
    """Change a member's role; only admins may. Raises NotAllowed, Invalid."""
    require_active(by)
    if role not in Role.values:
        raise Invalid({"role": "Choose admin, moderator or member."})
    with transaction.atomic():
        lock(community)
        if role_of(community, by) != Role.ADMIN:
            raise NotAllowed(f"Only admins of {community.name} can change roles.", "not_admin")
        row = _row(community, membership)
        if role != Role.MEMBER and row.member_id is None:
            raise NotAllowed(
                f"{row.name or row.handle or 'This person'} has no account here yet and cannot be {role}.", "no_account"
            )
        if role != Role.ADMIN:
            _end_as_admin(community, row)
        if row.role != role:
            audit.record(by, "role_changed", community, f"{_called(row)}: {row.role}, now {role}")
        row.role = role
        row.save(update_fields=["role"])
    membership.role = row.role
    return row


def remove_member(community: Community, *, by: Member, membership: Membership) -> None:
    """Remove somebody: admins may remove anybody, moderators plain members. Raises NotAllowed."""
    require_active(by)
    with transaction.atomic():
        lock(community)
        mine, row = role_of(community, by), _row(community, membership)
        if mine is None or RANK[Role(mine)] < RANK[Role.MODERATOR]:
            raise NotAllowed(f"Only admins and moderators of {community.name} can remove people.", "not_moderator")
        if mine == Role.MODERATOR and row.role != Role.MEMBER:
            raise NotAllowed("Moderators can remove plain members only. Ask an admin.", "not_admin")
        _end_as_admin(community, row)
        audit.record(by, "person_removed", community, _called(row))
        row.delete()


def may_remove(role: str, membership: Membership) -> bool:
    """Whether somebody with this role may remove this person: admins anybody, moderators plain members."""
    return role == Role.ADMIN or (role == Role.MODERATOR and membership.role == Role.MEMBER)


def has_unadopted(member: Member, did: str) -> bool:
    """Whether `adopt` would change anything. Much cheaper than `adopt`, which takes a transaction."""
    return _UNADOPTED.exists(who=member.pk, did=did)


def adopt(member: Member, did: str) -> int:
    """Give the member the memberships under a DID that she has proved. Returns how many rows changed.

    Two memberships in one community become one, with the higher role and the earlier date. Call it in the transaction
    that links the DID.
    """
    if not did:
        return 0
    touched = 0
    with transaction.atomic():
        foreign = Membership.objects.filter(did=did, member=None)
        for row in foreign.select_for_update():
            own = Membership.objects.filter(community_id=row.community_id, member=member).first()
            if own is None:
                row.member = member
                row.save(update_fields=["member"])
            else:
                best = max(Role(own.role), Role(row.role), key=RANK.__getitem__)
                joined_at = min(own.joined_at, row.joined_at)
                row.delete()  # before the update, since a DID is unique in a community
                Membership.objects.filter(pk=own.pk).update(did=did, role=best, joined_at=joined_at)
            touched += 1
        touched += Membership.objects.filter(member=member, did="").update(did=did)
    return touched


def _membership(community: Community, person: Principal) -> Membership | None:
    rows = Membership.objects.filter(person.rows, community=community)
    return rows.order_by("member_id").first() if person.member is None else rows.order_by("-member_id").first()


def _called(membership: Membership) -> str:
    return membership.member.username if membership.member else membership.handle or membership.did


def _row(community: Community, membership: Membership) -> Membership:
    try:
        return Membership.objects.get(pk=membership.pk, community=community)
    except Membership.DoesNotExist as fault:
        raise NotAllowed("This person is no longer in the community.", "not_a_member") from fault


def lock(community: Community) -> Community:
    """Lock the community's row for the transaction, and read it anew.

    Serializes changes of memberships: two admins who leave at the same moment would leave none. On SQLite, BEGIN
    IMMEDIATE does this already.
    """
    return Community.objects.select_for_update().get(pk=community.pk)


def _end_as_admin(community: Community, row: Membership) -> None:
    """Before an admin is none any more: raise NotAllowed for the last one, and end her question to take it over."""
    if row.role != Role.ADMIN:
        return
    others = Membership.objects.filter(
        community=community, role=Role.ADMIN, member__is_active=True, member__standing=Member.Standing.ACTIVE
    ).exclude(pk=row.pk)
    if not others.exists():
        raise NotAllowed(LAST_ADMIN.format(name=community.name), "last_admin")
    asked = transfer_rows.waiting(community)
    if asked is not None and asked.by_id == row.member_id:
        transfer_rows.take_back(community, by=None)
