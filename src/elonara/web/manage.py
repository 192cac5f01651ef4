"""Manage pages: an event's details, guests, invitations and hosts; a community's details, members and invitations."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from elonara.communities import queries as communities
from elonara.communities.models import Membership
from elonara.events import queries as events
from elonara.events.guests import rsvps
from elonara.members.errors import NotAllowed
from elonara.web.communities.views import community_or_404
from elonara.web.events.views import event_or_404
from elonara.web.invitations import invite, posts
from elonara.web.shortcuts import members_only, options, page_of, the_member

GUESTS_IN_THE_TABLE = 100
EVENT_TABS = (("details", "Details"), ("guests", "Guests"), ("invite", "Invite"), ("hosts", "Hosts"))
COMMUNITY_TABS = (("details", "Details"), ("members", "Members"), ("invite", "Invite"))
ONLY_INVITE = (("invite", "Invite"),)


@never_cache
@members_only
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """The tabs of an event, for its hosts. Moderators of its community may only invite, and see that tab alone."""
    target, member = event_or_404(request, slug), the_member(request)
    manages = events.may_manage(target, member)
    if not manages and not events.may_invite(target, member):
        raise NotAllowed("Only the hosts of this event may manage it.")
    tabs = EVENT_TABS if manages else ONLY_INVITE
    tab = _tab(request, tabs)
    link = f"{options().site.url}/events/{slug}"
    frame: dict[str, Any] = {
        "event": target,
        "target": target,
        "folder": "events",
        "tabs": tabs,
        "tab": tab,
        "link": link,
    }
    if tab == "invite":
        return invite.page(request, target, frame)
    if tab == "details":
        frame |= posts.notice_context(request, target) | {"base": f"/events/{slug}/manage"}
    if tab == "guests":
        frame["guests"] = rsvps.guest_list(target, member, page=page_of(request), page_size=GUESTS_IN_THE_TABLE)
    elif tab == "hosts":
        frame["host_rows"], frame["asked_rows"] = events.hosts(target), events.asked_hosts(target)
        frame["is_host"] = events.role_of(target, member) == "host"
    return render(request, "events/manage.html", frame)


@never_cache
@members_only
def community(request: HttpRequest, slug: str) -> HttpResponse:
    """The tabs of a community, for its admins; moderators invite and see the members."""
    target, member = community_or_404(request, slug), the_member(request)
    manages = communities.may_manage(target, member)
    if not manages and not communities.may_invite(target, member):
        raise NotAllowed("Only admins and moderators of this community may manage it.")
    tabs = COMMUNITY_TABS if manages else COMMUNITY_TABS[1:]
    alias = {"roles": "members"}.get(request.GET.get("tab", ""), "")
    tab = alias or _tab(request, tabs)
    frame: dict[str, Any] = {
        "community": target,
        "target": target,
        "folder": "communities",
        "tabs": tabs,
        "tab": tab,
        "link": f"{options().site.url}/communities/{slug}",
    }
    if tab == "invite":
        return invite.page(request, target, frame)
    if tab == "details":
        frame |= posts.notice_context(request, target) | {"base": f"/communities/{slug}/manage"}
    if tab == "members":
        roles = [
            (Membership.Role.ADMIN, "Admin"),
            (Membership.Role.MODERATOR, "Moderator"),
            (Membership.Role.MEMBER, "Member"),
        ]
        frame |= {"rows": communities.people(target)[:500], "roles": roles, "is_admin": manages}
    return render(request, "communities/manage.html", frame)


def _tab(request: HttpRequest, tabs: tuple[tuple[str, str], ...]) -> str:
    wanted = request.GET.get("tab", "")
    return wanted if wanted in dict(tabs) else tabs[0][0]
