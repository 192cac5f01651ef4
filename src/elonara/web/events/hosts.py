"""The Hosts tab of an event: add and remove co-hosts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from elonara.events import actions
from elonara.members import queries as members
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.web.events.views import managed_or_refused
from elonara.web.shortcuts import members_only, show_message, the_member


@members_only
@require_POST
def add_host(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a member of the site as co-host."""
    event = managed_or_refused(request, slug)
    try:
        added = actions.add_cohost(event, by=the_member(request), member=_named_member(request))
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, f"{added.member.name} runs this event with you now.")
    return redirect(f"/events/{slug}/manage?tab=hosts")


@members_only
@require_POST
def remove_host(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a co-host; co-hosts may remove themselves."""
    event = managed_or_refused(request, slug)
    try:
        actions.remove_cohost(event, by=the_member(request), member=_named_member(request))
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, "Removed.")
    return redirect(f"/events/{slug}/manage?tab=hosts")


def _named_member(request: HttpRequest) -> Member:
    """The member with the username (or Bluesky handle) in the form. Raises Invalid."""
    name = request.POST.get("username", "").strip().lstrip("@")
    found = (
        members.by_username(name) or Member.objects.filter(bluesky__bsky_handle__iexact=name, is_active=True).first()
    )
    if found is None or not name:
        raise Invalid({"username": f"No member of this site is called “{name[:60]}”. Ask them for their username."})
    return found
