"""Manage pages: an event's details, guests, invitations and hosts; a community's details, members and invitations.

And giving either of them to somebody else, who accepts or declines on its page.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from elonara.bluesky.identity.proven_handles import named_member
from elonara.communities import queries as communities
from elonara.communities import transfer as community_transfer
from elonara.communities import transfer_rows
from elonara.communities.models import Community
from elonara.events import location
from elonara.events import queries as events
from elonara.events import transfer as event_transfer
from elonara.events.models import Event
from elonara.invitations import queries as invitations
from elonara.invitations.queries import SendingRows
from elonara.invitations.targets import Target
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.web.communities.joining import who_waits
from elonara.web.communities.members import list_of_people
from elonara.web.communities.views import community_or_404
from elonara.web.events import guest_list, messages
from elonara.web.events.views import event_or_404
from elonara.web.invitations import invite, posts
from elonara.web.shortcuts import members_only, options, show_message, shown_tabs, the_member

EVENT_TABS = (
    ("details", gettext_noop("Details")),
    ("guests", gettext_noop("Guests")),
    ("messages", gettext_noop("Messages")),
    ("invite", gettext_noop("Invite")),
    ("hosts", gettext_noop("Hosts")),
)
COMMUNITY_TABS = (
    ("details", gettext_noop("Details")),
    ("members", gettext_noop("Members")),
    ("invite", gettext_noop("Invite")),
)
TRANSFER_TABS = {"events": "hosts", "communities": "members"}  # where it begins, and who is asked is shown
ONLY_INVITE = (("invite", gettext_noop("Invite")),)


@never_cache
@members_only
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """The tabs of an event, for its hosts. Moderators of its community may only invite, and see that tab alone."""
    read = _read_ahead(request)
    target, member = event_or_404(request, slug), the_member(request)
    manages = events.may_manage(target, member)
    if not manages and not events.may_invite(target, member):
        raise NotAllowed(_("Only the hosts of this event may manage it."))
    tabs = EVENT_TABS if manages else ONLY_INVITE
    tab = _tab(request, tabs)
    link = f"{options().site.url}/events/{slug}"
    frame: dict[str, Any] = {
        "event": target,
        "target": target,
        "folder": "events",
        "tabs": shown_tabs(tabs),
        "tab": tab,
        "link": link,
        "place": location.where(target, None, manages=manages),
        "online_link": location.link(target, None, manages=manages),
    }
    if tab == "invite":
        return invite.page(request, target, frame | {"of_host": read})
    if tab == "messages":
        return messages.page(request, target, frame | {"base": f"/events/{slug}/manage"})
    if tab == "details":
        frame |= posts.notice_context(request, target) | {"base": f"/events/{slug}/manage"}
        frame["unanswered"] = 0 if events.is_over(target) else invitations.unanswered(target)
    if tab == "guests":
        frame |= guest_list.tab_context(request, target, member)
    elif tab == "hosts":
        frame["host_rows"], frame["asked_rows"] = events.hosts(target), events.asked_hosts(target)
        frame["is_host"] = events.role_of(target, member) == "host"
        frame |= _transfer_context(target, member)
    return render(request, "events/manage.html", frame)


@never_cache
@members_only
def community(request: HttpRequest, slug: str) -> HttpResponse:
    """The tabs of a community, for its admins; moderators invite and see the members."""
    read = _read_ahead(request)
    target, member = community_or_404(request, slug), the_member(request)
    manages = communities.may_manage(target, member)
    if not manages and not communities.may_invite(target, member):
        raise NotAllowed(_("Only admins and moderators of this community may manage it."))
    tabs = COMMUNITY_TABS if manages else COMMUNITY_TABS[1:]
    alias = {"roles": "members"}.get(request.GET.get("tab", ""), "")
    tab = alias or _tab(request, tabs)
    frame: dict[str, Any] = {
        "community": target,
        "target": target,
        "folder": "communities",
        "tabs": shown_tabs(tabs),
        "tab": tab,
        "link": f"{options().site.url}/communities/{slug}",
    }
    if tab == "invite":
        return invite.page(request, target, frame | {"of_host": read})
    if tab == "details":
        frame |= posts.notice_context(request, target) | {"base": f"/communities/{slug}/manage"}
    if tab == "members":
        frame |= list_of_people(request, target, member, address=f"/communities/{slug}/manage", tab="members")
        frame |= who_waits(target, member)
        frame |= _transfer_context(target, member) if manages else {}
    return render(request, "communities/manage.html", frame)


@members_only
def transfer(request: HttpRequest, folder: str, slug: str) -> HttpResponse:
    """GET says what giving it to somebody else means; POST asks a member, by username or Bluesky handle."""
    of, actions = _with_actions(request, folder, slug)
    member, typed, fault = the_member(request), request.POST.get("username", ""), ""
    actions.require_giver(of, member)
    back = f"/{folder}/{slug}/manage?tab={TRANSFER_TABS[folder]}"
    if request.method == "POST":
        try:
            asked = actions.ask(of, by=member, member=named_member(typed))
        except (Invalid, NotAllowed) as refused:
            fault = str(refused)
        else:
            sentence = _("{name} is asked. Nothing changes until they accept.")
            show_message(request, sentence.format(name=asked.to.name))
            return redirect(back)
    elif transfer_rows.waiting(of) is not None:
        return redirect(back)
    context = {"folder": folder, "target": of, "back": back, "typed": typed, "fault": fault}
    return render(request, "transfer.html", context, status=400 if fault else 200)


@members_only
@require_POST
def take_transfer_back(request: HttpRequest, folder: str, slug: str) -> HttpResponse:
    """Withdraw the request whether somebody takes it over."""
    of, actions = _with_actions(request, folder, slug)
    actions.take_back(of, by=the_member(request))
    show_message(request, _("Withdrawn. Nobody is being asked now."))
    return redirect(f"/{folder}/{slug}/manage?tab={TRANSFER_TABS[folder]}")


@members_only
@require_POST
def answer_transfer(request: HttpRequest, folder: str, slug: str) -> HttpResponse:
    """Take it over, or decline."""
    of, actions = _with_actions(request, folder, slug)
    member, what = the_member(request), request.POST.get("answer", "")
    try:
        if what == "accept":
            actions.accept(of, by=member)
            show_message(request, _("{title} is yours now.").format(title=of))
        elif what == "decline":
            actions.decline(of, by=member)
            show_message(request, _("Declined. Nothing has changed."))
        else:
            show_message(request, _("Choose Accept or Decline."), "bad")
    except NotAllowed as fault:
        show_message(request, fault.sentence, "bad")
    sees = events.may_see(of, member) if isinstance(of, Event) else communities.may_see(of, member)
    return redirect(f"/{folder}/{slug}" if sees else "/")


def _with_actions(request: HttpRequest, folder: str, slug: str) -> tuple[Event | Community, ModuleType]:
    """The event or community, where the viewer may see it, and the actions that give it away. Raises Http404."""
    if folder == "events":
        return event_or_404(request, slug), event_transfer
    return community_or_404(request, slug), community_transfer


def _transfer_context(of: Event | Community, member: Member) -> dict[str, Any]:
    """What a tab says of who is asked to take it over, and whether the viewer may ask somebody."""
    actions = event_transfer if isinstance(of, Event) else community_transfer
    gives = actions.may_give(of, member)
    return {"transfer": transfer_rows.waiting(of), "gives": gives, "ended": Target(of).over()}


def _read_ahead(request: HttpRequest) -> SendingRows | None:
    """What the Invite tab needs to know of the host, before anything else asks for a part of it."""
    return invitations.sending_rows(the_member(request)) if request.GET.get("tab") == "invite" else None


def _tab(request: HttpRequest, tabs: tuple[tuple[str, str], ...]) -> str:
    wanted = request.GET.get("tab", "")
    return wanted if wanted in dict(tabs) else tabs[0][0]
