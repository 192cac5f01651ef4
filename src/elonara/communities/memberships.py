"""The writes about memberships: joining, leaving, roles. Members of a community have an account or a proven DID.

Asking to join and removing somebody are in `people`.
"""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.communities import bars, hooks, transfer_rows
from elonara.communities.models import Community, Joining, Membership, Visibility
from elonara.communities.principals import Principal, principal_of
from elonara.communities.queries import role_of
from elonara.compiled_queries import CompiledQuery
from elonara.members import audit
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

Role = Membership.Role
RANK = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}
CLOSED = gettext_noop("This community is closed; it can no longer be changed.")
NOBODY_JOINS = gettext_noop("This community is closed; nobody can join.")
HIDDEN = gettext_noop("This community has been hidden by the operator of this site.")
LAST_ADMIN = gettext_noop("{name} would have no admin. Make someone else an admin first, or close the community.")

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
    invited_at: dt.datetime | None = None,
) -> Membership:
    """Add a person, given by account or by a DID that the caller has verified. Joining twice changes nothing.

    `invited`: the caller has verified an invitation. It opens a private community and one where people ask first, and
    any community to people without an account and to members who wait for approval. `invited_at`: when it was made; it
    opens nothing to who was declined or removed later. Raises NotAllowed.
    """
    person = principal_of(member, did, handle, name)
    existing = _membership(community, person)
    if existing is not None:
        return existing
    if community.closed_at:
        raise NotAllowed(_(NOBODY_JOINS), "closed")
    if community.hidden_at:
        raise NotAllowed(_(HIDDEN), "hidden")
    bars.require_none(community, person, invited_at=invited_at)
    if not invited:
        if community.visibility == Visibility.PRIVATE:
            raise NotAllowed(_("This community is private. Ask one of its admins for an invitation."), "private")
        if person.member is None:
            raise NotAllowed(_("Sign in or create an account to join."), "sign_in")
        require_active(person.member)
        if community.joining == Joining.REQUEST:
            sentence = _("The admins of {community} decide who joins. Ask to join on its page.")
            raise NotAllowed(sentence.format(community=community.name), "ask_first")
    try:
        with transaction.atomic():
            row = Membership.objects.create(
                community=community, member=person.member, did=person.did, handle=person.handle, name=person.name
            )
            bars.lift(community, person)
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
            end_as_admin(community, row)
            row.delete()


def set_role(community: Community, *, by: Member, membership: Membership, role: str) -> Membership:
    """Change a member's role; only admins may. Raises NotAllowed, Invalid."""
    require_active(by)
    if role not in Role.values:
        raise Invalid({"role": _("Choose admin, moderator or member.")})
    with transaction.atomic():
        lock(community)
        if role_of(community, by) != Role.ADMIN:
            sentence = _("Only admins of {community} can change roles.")
            raise NotAllowed(sentence.format(community=community.name), "not_admin")
        row = row_of(community, membership)
        if role != Role.MEMBER and row.member_id is None:
            raise NotAllowed(_without_account(row, role), "no_account")
        if role != Role.ADMIN:
            end_as_admin(community, row)
        if row.role != role:
            audit.record(by, "role_changed", community, f"{called(row)}: {row.role}, now {role}")
        row.role = role
        row.save(update_fields=["role"])
    membership.role = row.role
    return row


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


def called(membership: Membership) -> str:
    """What the audit log calls a person of a community."""
    return membership.member.username if membership.member else membership.handle or membership.did


def _without_account(row: Membership, role: str) -> str:
    """Why somebody who has no account does not get this role."""
    name = row.name or row.handle
    if role == Role.ADMIN:
        sentence = _("{name} has no account here yet and cannot be admin.")
        nameless = _("This person has no account here yet and cannot be admin.")
    else:
        sentence = _("{name} has no account here yet and cannot be moderator.")
        nameless = _("This person has no account here yet and cannot be moderator.")
    return sentence.format(name=name) if name else nameless


def row_of(community: Community, membership: Membership) -> Membership:
    """The row as it is now. Raises NotAllowed where it is gone."""
    try:
        return Membership.objects.get(pk=membership.pk, community=community)
    except Membership.DoesNotExist as fault:
        raise NotAllowed(_("This person is no longer in the community."), "not_a_member") from fault


def lock(community: Community) -> Community:
    """Lock the community's row for the transaction, and read it anew.

    Serializes changes of memberships: two admins who leave at the same moment would leave none. On SQLite, BEGIN
    IMMEDIATE does this already.
    """
    return Community.objects.select_for_update().get(pk=community.pk)


def end_as_admin(community: Community, row: Membership) -> None:
    """Before an admin is none any more: raise NotAllowed for the last one, and end her question to take it over."""
    if row.role != Role.ADMIN:
        return
    others = Membership.objects.filter(
        community=community, role=Role.ADMIN, member__is_active=True, member__standing=Member.Standing.ACTIVE
    ).exclude(pk=row.pk)
    if not others.exists():
        raise NotAllowed(_(LAST_ADMIN).format(name=community.name), "last_admin")
    asked = transfer_rows.waiting(community)
    if asked is not None and asked.by_id == row.member_id:
        transfer_rows.take_back(community, by=None)
