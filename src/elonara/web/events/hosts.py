"""The Hosts tab of an event: ask and remove co-hosts; and the answer of who was asked."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from elonara.bluesky.identity.proven_handles import named_member
from elonara.events import actions, queries
from elonara.members import queries as members
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.events.views import event_or_404, managed_or_refused
from elonara.web.shortcuts import members_only, show_message, the_member


@members_only
@require_POST
def add_host(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a member of the site to be a co-host, by username or Bluesky handle."""
    event, member = managed_or_refused(request, slug), the_member(request)
    try:
        actions.require_first_host(event, member)  # before the network is asked about a handle
        added = actions.add_cohost(event, by=member, member=named_member(request.POST.get("username", "")))
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        if added.role == added.Role.HOST or added.accepted_at:
            done = _("{name} runs this event already.")
        else:
            done = _("{name} is asked, and runs this event with you once they accept.")
        show_message(request, done.format(name=added.member.name))
    return redirect(f"/events/{slug}/manage?tab=hosts")


@members_only
@require_POST
def remove_host(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a co-host; co-hosts may remove themselves."""
    event, by = managed_or_refused(request, slug), the_member(request)
    # The page sends the username of a row it has shown: no handle is looked up.
    member = members.by_username(request.POST.get("username", ""))
    try:
        if member is not None:
            actions.remove_cohost(event, by=by, member=member)
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, _("Removed."))
    return redirect(f"/events/{slug}/manage?tab=hosts" if queries.may_manage(event, by) else "/")


@members_only
@require_POST
def answer(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept or decline to be a co-host."""
    event, member = event_or_404(request, slug), the_member(request)
    what = request.POST.get("answer", "")
    try:
        if what == "accept":
            actions.accept_cohost(event, by=member)
            show_message(request, _("You run this event together now."))
        elif what == "decline":
            actions.decline_cohost(event, by=member)
            show_message(request, _("Declined. You are not asked again."))
        else:
            show_message(request, _("Choose Accept or Decline."), "bad")
    except NotAllowed as fault:
        show_message(request, fault.sentence, "bad")
    return redirect(f"/events/{slug}" if queries.may_see(event, member) else "/")
