"""Giving a community to somebody else, who accepts: she is an admin then, and who was it stays as a moderator.

Until she accepts nothing changes. She need not belong to it before. Other admins stay what they are, and may take the
question back.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from elonara.communities import hooks, transfer_rows
from elonara.communities.actions import require_admin
from elonara.communities.memberships import adopt, has_unadopted, join, lock
from elonara.communities.models import Community, Membership, Transfer
from elonara.communities.principals import did_of
from elonara.communities.queries import may_manage, role_of
from elonara.members.actions import require_active
from elonara.members.errors import NotAllowed
from elonara.members.models import Member


def may_give(community: Community, member: Member) -> bool:
    """Whether it is hers to give: she is one of its admins."""
    return may_manage(community, member)


def require_giver(community: Community, by: Member) -> None:
    """Raise NotAllowed unless the member may give the community to somebody now."""
    require_admin(community, by)
    _require_open(community)


def ask(community: Community, *, by: Member, member: Member) -> Transfer:
    """Ask a member to be admin in her place. Raises NotAllowed."""
    with transaction.atomic():
        locked = lock(community)
        require_giver(locked, by)
        if role_of(locked, member) == Membership.Role.ADMIN:
            raise NotAllowed(_("{name} is an admin already.").format(name=member.name), "admin")
        return transfer_rows.ask(locked, by=by, member=member)


def take_back(community: Community, *, by: Member) -> None:
    """Withdraw the request, if one waits; any admin may. Raises NotAllowed."""
    with transaction.atomic():
        locked = lock(community)
        require_admin(locked, by)
        transfer_rows.take_back(locked, by=by)


def decline(community: Community, *, by: Member) -> None:
    """Say no. Raises NotAllowed."""
    with transaction.atomic():
        transfer_rows.decline(lock(community), by=by)


def accept(community: Community, *, by: Member) -> None:
    """Become an admin; who asked stays as a moderator. Raises NotAllowed."""
    require_active(by)
    with transaction.atomic():
        locked = lock(community)
        _require_open(locked)
        row = transfer_rows.accept(locked, by=by)
        if row is None:
            return
        if (did := did_of(by)) and has_unadopted(by, did):
            adopt(by, did)  # she may belong to it by her account on Bluesky alone
        membership = join(locked, member=by, invited=True, invited_at=row.asked_at)
        Membership.objects.filter(pk=membership.pk).update(role=Membership.Role.ADMIN)
        giver = Membership.objects.filter(community=locked, member=row.by, role=Membership.Role.ADMIN)
        if not giver.update(role=Membership.Role.MODERATOR):
            raise NotAllowed(_(transfer_rows.NOT_ASKED), "not_asked")
        if locked.created_by_id == row.by_id:
            locked.created_by = by
            locked.save(update_fields=["created_by"])
        hooks.changed(locked, frozenset({"admins"}))
    community.refresh_from_db()


def _require_open(community: Community) -> None:
    if community.hidden_at is not None:
        raise NotAllowed(
            _("This community has been hidden by the operator of this site. Nobody can take it over."), "hidden"
        )
    if community.closed_at is not None:
        raise NotAllowed(_("This community is closed. Nobody can take it over."), "closed")
