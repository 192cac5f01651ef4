"""The lists of events: upcoming, the viewer's own and past ones, with a search and filters."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from elonara.communities.models import Community
from elonara.events import queries
from elonara.events.guests.followed import followed_going
from elonara.events.listing.days import FIRST_DAY, LAST_DAY, Days, When
from elonara.events.listing.filters import Filters, choices, community_at, narrowed
from elonara.members.models import Member
from elonara.web.parts.own_events import own_events
from elonara.web.parts.times import zone_of
from elonara.web.proofs import proofs
from elonara.web.shortcuts import member_of, paged

WHENS: Final[dict[When, str]] = {
    "today": gettext_noop("Today"),
    "weekend": gettext_noop("This weekend"),
    "week": gettext_noop("This week"),
    "month": gettext_noop("This month"),
}
MAX_SEARCH_LENGTH: Final = 100
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Upcoming public events; with `?show=mine` those the viewer hosts or answered, with `?show=past` past ones.

    `?q=` searches in each of them; `when`, or `from` and `to`, `community` and `places_left` narrow them. A value that
    is none of theirs is as if it was left out.
    """
    member, shown = member_of(request), request.GET.get("show", "upcoming")
    dids, search = list(proofs(request)), request.GET.get("q", "").strip()[:MAX_SEARCH_LENGTH]
    if shown == "mine" and member is not None:
        rows = queries.hosted_or_attended(member, dids)
    elif shown == "past":
        rows = queries.past(member, dids)
    else:
        shown, rows = "upcoming", queries.upcoming_public()
    found = choices(member, dids)
    slug = request.GET.get("community", "")
    chosen = next((one for one in found if one.slug == slug), None) or _community(slug, member, dids)
    wanted = Filters(_days(request.GET), chosen, request.GET.get("places_left") == "1")
    listed = paged(request, queries.matching(narrowed(rows, wanted, zone_of(request)), search))
    followed = followed_going(listed.rows, member)
    for event in listed.rows:
        event.followed = followed.get(event.pk)  # type: ignore[attr-defined]
    kept = _kept(wanted) | {"q": search} | ({"show": shown} if shown != "upcoming" else {})
    query = _query(kept)
    nothing = not (listed.rows or search or wanted) and shown == "upcoming"
    context = {
        "events": listed.rows,
        # Private events are not listed: the viewer's own stand where the list would be empty.
        "own": own_events(member, dids) if nothing and (member or dids) else [],
        "listed": listed,
        "show": shown,
        "q": search,
        "wanted": wanted,
        "proven": bool(dids),
        "communities": found if chosen is None or chosen in found else [chosen, *found],
        "whens": [("", _("Any day"), _address(kept, when=""))]
        + [(name, _(words), _address(kept, when=name)) for name, words in WHENS.items()],
        "tabs": {name or "upcoming": _address(kept, show=name) for name in ("", "mine", "past")},
        "cleared": _address({name: kept.get(name, "") for name in ("show", "q")}),
        "folded": bool(wanted.days.first or wanted.days.last or wanted.community or wanted.places_left),
        "query": f"{query}&" if query else "",
    }
    return render(request, "events/index.html", context)


def _community(slug: str, member: Member | None, dids: list[str]) -> Community | None:
    return community_at(slug, member, dids) if slug else None


def _days(given: QueryDict) -> Days:
    """Days that were typed come before words: the field of a form is filled in, and a link was pressed earlier."""
    first, last = _day(given.get("from", "")), _day(given.get("to", ""))
    if (first or last) and (first is None or last is None or first <= last):
        return Days(first=first, last=last)
    return Days(when=next((one for one in WHENS if one == given.get("when")), None))


def _day(typed: str) -> date | None:
    try:
        found = date.fromisoformat(typed) if _DATE.fullmatch(typed) else None
    except ValueError:
        return None
    return found if found is not None and FIRST_DAY <= found <= LAST_DAY else None


def _kept(wanted: Filters) -> dict[str, str]:
    """The filters as the address has them."""
    days = wanted.days
    return {
        "when": days.when or "",
        "from": days.first.isoformat() if days.first else "",
        "to": days.last.isoformat() if days.last else "",
        "community": wanted.community.slug if wanted.community else "",
        "places_left": "1" if wanted.places_left else "",
    }


def _address(kept: dict[str, str], **changed: str) -> str:
    """The list with another value. Days in words take the place of dates."""
    if "when" in changed:
        kept = kept | {"from": "", "to": ""}
    query = _query(kept | changed)
    return f"/events?{query}" if query else "/events"


def _query(kept: dict[str, str]) -> str:
    return urlencode({name: value for name, value in kept.items() if value})
