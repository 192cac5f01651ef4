"""Removing somebody from a community, and letting her in again.

A removal is a row of its own (`Removal`), which keeps her from joining; leaving by oneself leaves none. She hears of it
by a notice, and may ask to come back (`requests`), whichever way others join.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.communities import transfer_rows
from elonara.communities.bars import REMOVED
from elonara.communities.memberships import called, end_as_admin, join, lock, row_of
from elonara.communities.models import Community, Membership, Removal, Visibility
from elonara.communities.people.notices import link, removed_kind, tell_of_requests
from elonara.communities.queries import may_invite, role_of
from elonara.members import audit
from elonara.members.actions import notify, require_active
from elonara.members.errors import NotAllowed
from elonara.members.models import Member

ADMIN, MODERATOR, MEMBER = Membership.Role.ADMIN, Membership.Role.MODERATOR, Membership.Role.MEMBER
REMOVED_AND_MAY_ASK: Final = gettext_noop(
    "You were removed from {name}. You can come back when an admin or moderator lets you in. You can ask on its page."
)


def may_remove(role: str, membership: Membership) -> bool:
    """Whether somebody with this role may remove this person: admins anybody, moderators plain members."""
    return role == ADMIN or (role == MODERATOR and membership.role == MEMBER)


def remove_member(community: Community, *, by: Member, membership: Membership) -> None:
    """Remove somebody: admins may remove anybody, moderators plain members. Raises NotAllowed.

    Whoever removes herself has left. Another person is told, and does not come back before somebody lets her.
    """
    require_active(by)
    with transaction.atomic():
        locked = lock(community)
        mine, row = role_of(locked, by) or "", row_of(locked, membership)
        if mine not in (ADMIN, MODERATOR):
            sentence = _("Only admins and moderators of {community} can remove people.")
            raise NotAllowed(sentence.format(community=community.name), "not_moderator")
        if not may_remove(mine, row):
            raise NotAllowed(_("Moderators can remove plain members only. Ask an admin."), "not_admin")
        end_as_admin(locked, row)
        if (asked := transfer_rows.waiting(locked)) is not None and asked.to_id == row.member_id:
            transfer_rows.take_back(locked, by=None)  # else it would go on showing her the community
        row.delete()
        if row.member_id == by.pk:
            return
        audit.record(by, "person_removed", locked, called(row))
        Removal.objects.create(
            community=locked, member_id=row.member_id, did=row.did, name=row.name, handle=row.handle, by=by
        )
        if row.member is not None:
            private = locked.visibility == Visibility.PRIVATE
            text = _(REMOVED if private else REMOVED_AND_MAY_ASK).format(name=locked.name)
            notify(row.member, removed_kind(locked), text, "" if private else link(locked))


def removed(community: Community) -> QuerySet[Removal]:
    """Who was removed and not let in again, the latest first, with members and Bluesky identities."""
    rows = Removal.objects.filter(community=community).select_related("member__bluesky")
    return rows.order_by("-removed_at", "-pk")


def add_again(community: Community, *, by: Member, removal_id: Any) -> Membership:
    """Let somebody in who was removed; admins and moderators may. She is told. Raises NotAllowed."""
    require_active(by)
    with transaction.atomic():
        locked = lock(community)
        if not may_invite(locked, by):
            sentence = _("Only admins and moderators of {community} can add people.")
            raise NotAllowed(sentence.format(community=community.name), "not_moderator")
        row = Removal.objects.select_related("member").filter(community=locked, pk=removal_id).first()
        if row is None:
            raise NotAllowed(_("This person was let in already, or deleted their account."), "not_removed")
        row.delete()
        # The account, where there is one: she may have unlinked the DID, and another account may have it by now.
        who: dict[str, Any] = {"member": row.member}
        if row.member is None:
            who = {"did": row.did, "handle": row.handle, "name": row.name}
        membership = join(locked, **who, invited=True, invited_at=timezone.now())
        tell_of_requests(locked)  # she may have asked, too
        audit.record(by, "removal_lifted", locked, called(membership))
        if membership.member is not None:
            text = _("You are in {community} again: {name} added you.").format(community=locked.name, name=by.name)
            notify(membership.member, removed_kind(locked), text, link(locked))
        return membership
