"""`/@alice`: what anybody may know of a host: her name, her Bluesky account, and her public events."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from elonara.events import queries as events
from elonara.members.models import Member

UPCOMING_SHOWN, PAST_SHOWN = 50, 6


@require_safe
def show(request: HttpRequest, username: str) -> HttpResponse:
    """Her public events to come, and the latest that are over.

    404 where there is no such member, she is suspended, or has no public event: all three take the same queries, so
    that nobody can find out who has an account here.
    """
    found = Member.objects.filter(username=username, is_active=True).exclude(standing=Member.Standing.SUSPENDED)
    member = found.select_related("bluesky").first()
    hosted = events.hosted_by(member or Member(pk=0)).order_by().values("pk")
    upcoming = list(events.upcoming_public().filter(pk__in=hosted)[:UPCOMING_SHOWN])
    past = list(events.past_public().filter(pk__in=hosted)[:PAST_SHOWN])
    if member is None or not (upcoming or past):
        raise Http404
    return render(request, "members/host.html", {"host": member, "upcoming": upcoming, "past": past})
