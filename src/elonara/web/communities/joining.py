"""Asking to join a community, deciding about who asks, and letting in somebody who was removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from elonara.communities import actions, queries
from elonara.communities.models import Community, JoinRequest
from elonara.communities.people import removals, requests
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.web.communities.views import community_or_404
from elonara.web.shortcuts import members_only, safe_next, show_message, the_member

MOST_SHOWN = 50  # requests, and people who were declined or removed, on one page
MAX_ID_DIGITS = 18
DECIDED = {
    JoinRequest.Outcome.ACCEPTED: gettext_noop("{name} is a member now."),
    JoinRequest.Outcome.DECLINED: gettext_noop("Declined. {name} gets a notice."),
}


def who_waits(community: Community, member: Member | None) -> dict[str, Any]:
    """What `communities/requests.html` shows: nothing but to admins and moderators."""
    if not queries.may_invite(community, member):
        return {}
    return {
        "waiting_count": requests.waiting(community).count(),
        "waiting": requests.waiting(community)[:MOST_SHOWN],
        "declined": requests.declined(community)[:MOST_SHOWN],
        "removed": removals.removed(community)[:MOST_SHOWN],
    }


@members_only
@require_POST
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask to join, with a word if one likes."""
    community = community_or_404(request, slug)
    try:
        actions.ask(community, by=the_member(request), word=request.POST.get("word", ""))
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, _("Request sent. We’ll tell you when an admin or moderator has decided."))
    return redirect(f"/communities/{slug}")


@members_only
@require_POST
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one's own request back."""
    actions.withdraw(community_or_404(request, slug), by=the_member(request))
    show_message(request, _("Request withdrawn."))
    return redirect(f"/communities/{slug}")


@members_only
@require_POST
def accept(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept somebody who asked to join, or was declined."""
    return _decided(request, slug, actions.accept)


@members_only
@require_POST
def decline(request: HttpRequest, slug: str) -> HttpResponse:
    """Decline somebody who asked to join."""
    return _decided(request, slug, actions.decline)


@members_only
@require_POST
def add_again(request: HttpRequest, slug: str) -> HttpResponse:
    """Let somebody in who was removed."""
    community = _run_or_refused(request, slug)
    try:
        actions.add_again(community, by=the_member(request), removal_id=_number(request.POST.get("removal", "")))
        show_message(request, _("They are a member again."))
    except NotAllowed as fault:
        show_message(request, str(fault), "bad")
    return redirect(_back(request, slug))


def _decided(request: HttpRequest, slug: str, decide: Callable[..., JoinRequest]) -> HttpResponse:
    community = _run_or_refused(request, slug)
    try:
        row = decide(
            community,
            by=the_member(request),
            request_id=_number(request.POST.get("request", "")),
            word=request.POST.get("word", ""),
        )
    except (Invalid, NotAllowed) as fault:
        show_message(request, str(fault), "bad")
    else:
        show_message(request, _(DECIDED[JoinRequest.Outcome(row.outcome)]).format(name=row.member.name))
    return redirect(_back(request, slug))


def _run_or_refused(request: HttpRequest, slug: str) -> Community:
    community = community_or_404(request, slug)
    actions.require_moderator(community, the_member(request))
    return community


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS else 0


def _back(request: HttpRequest, slug: str) -> str:
    return safe_next(request, request.GET.get("next"), f"/communities/{slug}/manage?tab=members")
