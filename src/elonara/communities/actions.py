"""The writes about communities: create, change, close. Those about members and roles are in `memberships`."""

from collections.abc import Mapping
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities import hooks, transfer_rows
from elonara.communities.memberships import CLOSED, adopt, has_unadopted, join, leave, set_role
from elonara.communities.models import Community, Joining, Membership, Visibility
from elonara.communities.people import requests
from elonara.communities.people.removals import add_again, remove_member
from elonara.communities.people.requests import accept, ask, decline, withdraw
from elonara.communities.pictures import prepare
from elonara.communities.principals import did_of
from elonara.communities.queries import may_invite, may_manage
from elonara.communities.slugs import save_with_slug
from elonara.communities.validation import clean
from elonara.members import audit, daily_limits
from elonara.members.actions import notify, require_active, require_operator, settle
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Creation, Member

__all__ = [
    "Invalid",
    "NotAllowed",
    "accept",
    "add_again",
    "adopt",
    "ask",
    "change",
    "close",
    "create",
    "decline",
    "has_unadopted",
    "hide",
    "join",
    "leave",
    "remove_member",
    "require_admin",
    "require_moderator",
    "set_role",
    "unhide",
    "withdraw",
]

CHANGEABLE = frozenset({"name", "description", "visibility", "joining", "members_add_events", "picture", "picture_alt"})


def create(
    by: Member,
    *,
    name: str,
    description: str = "",
    visibility: str = "public",
    joining: str = "open",
    members_add_events: bool = False,
    picture: Any = None,
    picture_alt: str = "",
) -> Community:
    """Create a community; `by` becomes its first admin. `picture` is bytes or a file.

    Raises Invalid, and NotAllowed, of which LimitReached is one.
    """
    require_active(by)
    texts = {"name": name, "description": description, "picture_alt": picture_alt}
    values = clean(texts | {"visibility": visibility, "joining": joining, "members_add_events": members_add_events})
    community = Community(created_by=by, **values)
    prepared = prepare(picture) if picture else None
    with transaction.atomic():
        daily_limits.count_in(by, Creation.Kind.COMMUNITY)
        if prepared is not None:
            community.picture.save(prepared.name or "", prepared, save=False)
        save_with_slug(community, values["name"], "community", private=values["visibility"] == "private")
        Membership.objects.create(community=community, member=by, did=did_of(by), role=Membership.Role.ADMIN)
    return community


def change(community: Community, *, by: Member, **fields: Any) -> Community:
    """Change the given fields (see CHANGEABLE). `picture=""` removes the picture, `picture=None` leaves it.

    Raises NotAllowed, Invalid, and TypeError for a field that does not exist.
    """
    unknown = fields.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a community has no {sorted(unknown)[0]!r} to change")
    require_admin(community, by)
    if community.closed_at:
        raise NotAllowed(_(CLOSED), "closed")
    picture = fields.pop("picture", None)
    values = clean(fields)
    prepared = prepare(picture) if picture else None
    with transaction.atomic():
        row = Community.objects.select_for_update().get(pk=community.pk)
        changed = put(row, values)
        if picture is not None and put_picture(row, prepared):
            changed.add("picture")
        if changed:
            row.save(update_fields=sorted(changed))
            if row.visibility == Visibility.PRIVATE:
                if "visibility" in changed:
                    requests.end_all(row)  # it is joined by invitation alone
            elif "joining" in changed and row.joining == Joining.OPEN and row.hidden_at is None:
                requests.admit(row)
            hooks.changed(row, frozenset(changed))
    community.refresh_from_db()
    return community


def close(community: Community, by: Member) -> Community:
    """Close a community: nobody can join or be invited any more; its members still see it. Raises NotAllowed."""
    require_admin(community, by)
    with transaction.atomic():
        if Community.objects.filter(pk=community.pk, closed_at=None).update(closed_at=timezone.now()):
            community.refresh_from_db()
            audit.record(by, "community_closed", community)
            transfer_rows.take_back(community, by=None)
            requests.end_all(community)
            hooks.changed(community, frozenset({"closed_at"}))
    community.refresh_from_db()
    return community


def hide(community: Community, by: Member, note: str = "") -> None:
    """Hide a community from everybody but those who run it; only operators may. Raises NotAllowed."""
    with transaction.atomic():
        if set_hidden(community, by, hidden=True, note=note):
            transfer_rows.take_back(community, by=None)
            hooks.changed(community, frozenset({"hidden_at"}))


def unhide(community: Community, by: Member, note: str = "") -> None:
    """Show a hidden community again. Raises NotAllowed."""
    with transaction.atomic():
        if set_hidden(community, by, hidden=False, note=note):
            hooks.changed(community, frozenset({"hidden_at"}))


def set_hidden(row: Any, by: Member, *, hidden: bool, note: str) -> bool:
    """Hide a community or an event, or show it again, with an entry in the audit log; False where it was so already.

    Call it in a transaction. Whoever made it is told. Raises NotAllowed.
    """
    require_operator(by)
    rows = type(row)._default_manager.filter(pk=row.pk, hidden_at__isnull=hidden)
    changed: bool = rows.update(hidden_at=timezone.now() if hidden else None) > 0
    kind = f"hidden:{row._meta.model_name}:{row.pk}"
    if changed:
        audit.record(by, "hidden" if hidden else "unhidden", row, note)
    if changed and hidden:
        text = _("{what} has been hidden by the operator of this site. Ask the operator why.").format(what=row)
        notify(row.created_by, kind, text)
    elif changed:
        settle(row.created_by, kind)
    row.refresh_from_db(fields=["hidden_at"])
    return changed


def put(row: Any, values: Mapping[str, Any]) -> set[str]:
    """Set those `values` that differ on `row`, without saving it; returns the names of the changed columns."""
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    return changed


def put_picture(row: Any, prepared: "ContentFile[bytes] | None") -> bool:
    """Replace the picture, or remove it for None. False where there was none to remove.

    The old file is deleted after the commit.
    """
    if prepared is None and not row.picture:
        return False
    if row.picture:
        storage, name = row.picture.storage, row.picture.name
        transaction.on_commit(lambda: storage.delete(name), robust=True)
    row.picture = ""
    if prepared is not None:
        row.picture.save(prepared.name or "", prepared, save=False)
    return True


def require_moderator(community: Community, by: Member) -> None:
    """Raise NotAllowed unless the member is one of its admins or moderators."""
    require_active(by)
    if not may_invite(community, by):
        raise NotAllowed(_("Only admins and moderators of this community may do that."), "not_moderator")


def require_admin(community: Community, by: Member) -> None:
    """Raise NotAllowed unless the member is one of its admins."""
    require_active(by)
    if not may_manage(community, by):
        sentence = _("Only admins of {community} can do this. Ask one of them.")
        raise NotAllowed(sentence.format(community=community.name), "not_admin")
