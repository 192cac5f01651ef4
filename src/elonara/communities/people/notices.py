"""What those who run a community, and those who want to be in it, are told about it: the kinds of notices."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.models import Community, JoinRequest, Membership
from elonara.members.actions import notify, settle
from elonara.members.models import Member

RUNNING = (Membership.Role.ADMIN, Membership.Role.MODERATOR)


def link(community: Community) -> str:
    """The page of a community."""
    return f"/communities/{community.slug}"


def asked_kind(community: Community) -> str:
    """The kind of the notice that people ask to join: one for a community, however many there are."""
    return f"asked:{community.pk}"


def answered_kind(community: Community) -> str:
    """The kind of the notice to somebody who asked."""
    return f"joining:{community.pk}"


def removed_kind(community: Community) -> str:
    """The kind of the notice to somebody who was removed, or let in again."""
    return f"removed:{community.pk}"


def tell_of_requests(community: Community, latest: Member | None = None) -> None:
    """Tell admins and moderators who waits for them: where `latest` has just asked, and else only that nobody does."""
    waiting = JoinRequest.objects.filter(community=community, outcome=JoinRequest.Outcome.OPEN).count()
    if latest is None and waiting:
        return
    for row in Membership.objects.filter(community=community, role__in=RUNNING).select_related("member"):
        if row.member is None:
            continue
        if latest is None:
            settle(row.member, asked_kind(community))
        elif row.member.is_active and row.member.standing == Member.Standing.ACTIVE:
            notify(
                row.member,
                asked_kind(community),
                _asks(latest, community, waiting),
                f"{link(community)}/manage?tab=members",
            )


def _asks(latest: Member, community: Community, waiting: int) -> str:
    if waiting <= 1:
        return _("{name} asks to join {community}.").format(name=latest.name, community=community.name)
    sentence = ngettext(
        "{name} asks to join {community}. {count} person is waiting.",
        "{name} asks to join {community}. {count} people are waiting.",
        waiting,
    )
    return sentence.format(name=latest.name, community=community.name, count=waiting)
