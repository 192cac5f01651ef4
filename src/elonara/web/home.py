"""The front page, the about page, the theme switch, and dismissing notices."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from elonara.events import queries as events
from elonara.events.guests.latest import latest
from elonara.invitations import queries as invitations
from elonara.members import actions as members
from elonara.members import queries as member_queries
from elonara.members.models import Member
from elonara.web.context_processors import THEME_COOKIE
from elonara.web.members.next_step import next_step
from elonara.web.parts.own_events import own_events
from elonara.web.proofs import guest_of, proofs
from elonara.web.shortcuts import member_of, members_only, options, safe_next, the_member


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Signed out: what the site is. Signed in: next events, open invitations, notices."""
    member = member_of(request)
    if member is None:
        mine = own_events(None, list(proofs(request))) if guest_of(request) else []
        others = events.next_public(besides=[event.pk for event in mine])
        return render(request, "home_visitor.html", {"events": others, "mine": mine})
    proved = proofs(request)
    answers = latest(member)
    items = invitations.inbox(list(proved)) if proved else []
    return render(
        request,
        "home_member.html",
        {
            "greeting": _greeting(),
            "events": own_events(member, list(proved)),
            "open_items": [item for item in items if item.is_open][:5],
            "answers": answers,
            "step": next_step(member, answers),
            "notices": member_queries.open_notices(member),
            "connected": hasattr(member, "bluesky"),
        },
    )


def _greeting() -> str:
    hour = timezone.localtime().hour
    if 5 <= hour < 12:
        return _("Good morning")
    if 12 <= hour < 18:
        return _("Good afternoon")
    return _("Good evening") if hour >= 18 else _("Hello")  # between midnight and five


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Store the theme with the member, and in a cookie of this browser."""
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in Member.Theme.values else Member.Theme.SYSTEM
    if (member := member_of(request)) is not None:
        members.update_profile(member, theme=chosen)
    # Pages with a token in their URL leave `next` empty, so that no HTML contains the token: use the referrer.
    response = redirect(safe_next(request, request.POST.get("next") or request.headers.get("referer")))
    response.set_cookie(
        THEME_COOKIE, chosen, max_age=31_536_000, samesite="Lax", secure=request.is_secure(), httponly=True
    )
    return response


@require_POST
@members_only
def dismiss(request: HttpRequest) -> HttpResponse:
    """Dismiss a notice that the member has read."""
    members.dismiss(the_member(request), request.POST.get("notice", ""))
    return redirect(safe_next(request, request.POST.get("next")))


@require_GET
def about(request: HttpRequest) -> HttpResponse:
    """What the site is, who may join, and which data it stores."""
    return render(
        request, "about.html", {"registration": member_queries.registration_sentence(), "site": options().site}
    )
