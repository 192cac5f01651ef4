"""Manage → Invite → Watch: how the invitations to a target stand, in pages, and what has changed on a page since.

A page that is open asks every three seconds what has changed. It sends the digests of what it shows, and gets the
counts and the rows that differ, or 204 where nothing does. The digests are short and made of the views themselves:
whatever a row shows, a change of it is noticed, and nothing has to be stored for each page that is open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from elonara.events.models import Event
from elonara.invitations import actions, queries
from elonara.invitations.results import InvitationRefused
from elonara.invitations.states import PENDING
from elonara.web.invitations import posts
from elonara.web.invitations.steps import To, redirect_to_step
from elonara.web.shortcuts import show_message, the_member

MAX_PAGE_DIGITS = 6
DIGEST_BYTES = 4  # of one row: one change in four thousand million would be shown with the next one


def page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """The page, or with `part=1` the part of it that renews itself: with `seen` (its digests) only what differs."""
    if request.method == "POST" and request.POST.get("go") == "update":
        return posts.post_update(request, to, frame)
    if request.method == "POST" and request.POST.get("go") == "confirm_all":
        return _confirm_all(request, to, frame)
    look = request.GET.get("look", "")
    progress = queries.progress(to, the_member(request), _page_number(request, to, look))
    ready = queries.readiness(the_member(request))
    context: dict[str, Any] = {
        "progress": progress,
        "need": [row for row in progress.rows if row.needs_host],
        "rest": [row for row in progress.rows if not row.needs_host],
        "unconfirmed": [
            row for row in progress.rows if row.needs_confirmation and "confirm" in row.can and row.state in PENDING
        ],
        "look": look,
        "ready": ready,
    }
    # What the part shows beside the counts and the rows. Where that differs the whole part is sent.
    around = _digest([
        [(row.id, row.needs_host) for row in progress.rows], [row.preview_id for row in context["unconfirmed"]],
        progress.announcements, progress.updates, progress.pages, ready,
    ])  # fmt: skip
    counted = _digest([progress.counts, progress.paused, progress.paused_until, progress.going_on])
    rows = [_digest(row) for row in progress.rows]
    context["seen"] = ".".join([around, counted, "".join(rows)])
    if request.GET.get("part") != "1":
        context["email_count"] = to.email_invitations.count() if isinstance(to, Event) else 0
        return render(request, "invite/watch.html", frame | context | posts.notice_context(request, to))
    seen = request.GET.get("seen", "")
    if seen == context["seen"]:
        return HttpResponse(status=204)  # htmx leaves the page as it is
    if seen.partition(".")[0] == around:
        both = zip(progress.rows, rows, _rows_of(seen), strict=False)
        context["changed"] = [row for row, digest, shown in both if digest != shown]
        return render(request, "invite/changes.html", frame | context)
    response = render(request, "invite/progress.html", frame | context)
    # The page asked for its counts, and gets the whole part in their place.
    response["HX-Retarget"], response["HX-Reswap"] = "#progress", "outerHTML"
    return response


def _confirm_all(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    shown = dict(pair for item in request.POST.getlist("shown") if len(pair := item.split()) == 2)
    try:
        count = actions.confirm_all(to, the_member(request), shown)
    except InvitationRefused as fault:
        show_message(request, f"{fault.sentence} {fault.way_on}", "bad")
    else:
        said = ngettext("{count} post goes out with the new text.", "{count} posts go out with the new text.", count)
        show_message(request, said.format(count=count))
    return redirect_to_step(frame, step="watch", page=request.GET.get("page", ""))


def _page_number(request: HttpRequest, to: To, look: str) -> int:
    number = request.GET.get("page", "")
    if number.isascii() and number.isdecimal() and len(number) <= MAX_PAGE_DIGITS:
        return int(number)
    try:
        return queries.page_with(to, UUID(look)) if look else 1
    except ValueError:
        return 1


def _digest(shown: object) -> str:
    return hashlib.blake2b(repr(shown).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _rows_of(seen: str) -> Sequence[str]:
    """The digests of the rows in what a page says that it shows."""
    digits, length = seen.rpartition(".")[2], 2 * DIGEST_BYTES
    return [digits[start : start + length] for start in range(0, len(digits), length)]
