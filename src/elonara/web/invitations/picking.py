"""Manage → Invite, first step: choose people from lists, a search or by handle.

The choice is in the draft, and every POST changes only those whom its page showed: `listed` says who they were and
which of them were chosen then, `did` which of them are ticked now. So two tabs or devices never undo each other's
work. With JavaScript (`static/pick.js`) each tick is a small POST of its own, and the parts of the page are fetched
from the same address with `part`; without it every button saves what was ticked and leads to the page it names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.graph.circles.on_request import read_again
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.invitations import actions, queries, reasons
from elonara.invitations.people.pasted import MAX_ENTRIES, MAX_TEXT
from elonara.invitations.planning.drafts import MAX_PEOPLE, MAX_SEARCH, MAX_SOURCE, Draft, PickView
from elonara.invitations.targets import Target
from elonara.members.errors import NotAllowed
from elonara.web.invitations import candidates, naming
from elonara.web.invitations.candidates import CHOSEN, WAYS
from elonara.web.invitations.naming import Added
from elonara.web.invitations.steps import To, redirect_to_step
from elonara.web.shortcuts import show_message, the_member

# Templates of the parts that a script fetches: what was asked for in `part`.
PARTS = {"people": "invite/pick_people.html", "rows": "invite/pick_more.html", "reading": "invite/pick_reading.html"}
NOBODY = gettext_noop("Nobody is chosen. Pick at least one person.")


@dataclass(frozen=True)
class Ticks:
    """What a POST says about the people on its page: who was shown, who of them is newly chosen or not any more."""

    shown: list[str]
    add: list[str]
    remove: list[str]

    @classmethod
    def of(cls, posted: QueryDict) -> Ticks:
        """Read `listed` (DIDs, with + for those chosen when the page was made) and `did` (the ticked ones)."""
        listed = [one for value in posted.getlist("listed") for one in value.split()][:MAX_PEOPLE]
        before = {one[1:] for one in listed if one.startswith("+")}
        shown = list(dict.fromkeys(one.removeprefix("+") for one in listed))
        ticked = dict.fromkeys(posted.getlist("did")[:MAX_PEOPLE])
        return cls(
            shown,
            [did for did in ticked if did not in before],
            [did for did in shown if did in before and did not in ticked],
        )


def page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """Show the lists, or take what was chosen and go where the button (`go`) says."""
    draft = queries.draft(the_member(request), to)
    if request.method == "POST":
        return _posted(request, to, frame, draft)
    given = any(name in request.GET for name in ("list", "sort", "q"))
    view = _view(request.GET) if given else draft.view
    if view.source == CHOSEN:
        view = replace(draft.view, source=CHOSEN)
    return _pick_page(request, to, frame, draft, view, cursor=request.GET.get("cursor", "")[:1000])


def _posted(request: HttpRequest, to: To, frame: dict[str, Any], before: Draft) -> HttpResponse:
    host, go = the_member(request), request.POST.get("go", "")
    view, ticks = _view(request.POST), Ticks.of(request.POST)
    what, _colon, argument = go.partition(":")
    if what in {"list", "sort"}:
        view = replace(view, **{"source" if what == "list" else "sort": argument[:MAX_SOURCE]})
    own = view.source in {CHOSEN, WAYS}  # no list to come back to
    if go == "search" and own and view.search != before.view.search:
        view, own = replace(view, source=before.view.source), False
    add, remove = list(ticks.add), [*ticks.remove, *([argument] if what == "drop" else [])]
    if go == "all":
        room = queries.caps_left(host).per_send - len(before.people) - len(add) + len(remove)
        add += [did for did in ticks.shown if did not in before.people and did not in add][: max(0, room)]
    if go == "clear":
        remove += before.dids
    draft = actions.choose(host, to, add, remove, view=None if own else view)
    if go == "refresh":
        _refresh(request)
    if request.headers.get("accept") == "application/json":
        return JsonResponse(_counted(draft, queries.caps_left(host).per_send))
    if go == "add" or (_has_names(request.POST) and (go == "next" or _same_search(go, view, before))):
        added = naming.add(host, to, draft, request.POST.get("who", ""))
        if not added.is_complete:
            return _pick_page(request, to, frame, added.draft, view, added=added)
        show_message(request, added.said)
        draft = added.draft
    match what:
        case "next":
            return _next(request, to, frame, draft, view)
        case "cursor":
            return redirect_to_step(frame, list=view.source, sort=view.sort, q=view.search, cursor=argument)
    return redirect_to_step(frame, list=view.source, sort=view.sort, q=view.search)


def _refresh(request: HttpRequest) -> None:
    try:
        read_again(the_member(request))
    except GraphUnavailable as fault:
        show_message(request, fault.sentence, "bad")
    except NotAllowed as fault:
        show_message(request, str(fault), "bad")


def _counted(draft: Draft, per_send: int) -> dict[str, Any]:
    """The answer to a tick."""
    return {"chosen": len(draft.people), "over": _over(draft, per_send)}


def _over(draft: Draft, per_send: int) -> str:
    if len(draft.people) <= per_send:
        return ""
    return _("{count} people are chosen; the most in one send is {per_send}. Send to some now, the rest later.").format(
        count=len(draft.people), per_send=per_send
    )


def _next(request: HttpRequest, to: To, frame: dict[str, Any], draft: Draft, view: PickView) -> HttpResponse:
    refusal = _over(draft, queries.caps_left(the_member(request)).per_send) if draft.people else _(NOBODY)
    if refusal:
        return _pick_page(request, to, frame, draft, view, refusal=refusal)
    return redirect_to_step(frame, step="check")


def _has_names(posted: QueryDict) -> bool:
    """Whether the field of names has something that was not looked up already, and left there with its reasons."""
    return posted.get("who", "").split() != posted.get("tried", "").split()


def _same_search(go: str, view: PickView, before: Draft) -> bool:
    """Whether the first button of the form was pressed, as Enter does, without another search."""
    return go == "search" and view.search == before.view.search


def _view(given: QueryDict) -> PickView:
    names = {"source": "list", "sort": "sort", "search": "q"}
    bounds = {"source": MAX_SOURCE, "sort": 8, "search": MAX_SEARCH}
    return PickView(**{name: given.get(field, "").strip()[: bounds[name]] for name, field in names.items()})


def _pick_page(
    request: HttpRequest,
    to: To,
    frame: dict[str, Any],
    draft: Draft,
    view: PickView,
    *,
    cursor: str = "",
    refusal: str = "",
    added: Added | None = None,
) -> HttpResponse:
    host, of_host = the_member(request), frame.get("of_host")
    ready = queries.readiness(host, of_host)
    shown = candidates.candidates(host, to, draft, view, cursor=cursor, ready=ready)
    context = frame | {"ready": ready} | candidates.context(shown, draft)
    if part := PARTS.get(request.GET.get("part", "")):
        return render(request, part, context)
    caps = queries.caps_left(host, of_host)
    context |= {
        "caps": caps,
        "refusal": refusal,
        "over": _over(draft, caps.per_send),
        "added": added,
        "max_names": MAX_ENTRIES,
        "max_typed": MAX_TEXT,
        "ended": reasons.sentence(Target(to).over()),
        "invited": True,  # the link to Watch: whether anybody is invited would cost a query, and Watch says it
        "unconnected": getattr(host, "bluesky", None) is None and shown.reading.state == "none",
    }
    return render(request, "invite/pick.html", context, status=400 if refusal or (added and added.typed) else 200)
