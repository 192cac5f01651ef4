"""Manage → Invite, first step: choose people from lists, a search or by handle.

The choice is kept in the draft with every POST, so that it survives another list, another search or an error.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.invitations import actions, queries, reasons
from elonara.invitations.planning.drafts import Draft
from elonara.invitations.targets import Target
from elonara.web.invitations.steps import To, redirect_to_step
from elonara.web.shortcuts import show_message, the_member

LISTS = (("mutuals", "Mutual"), ("followers", "Followers"), ("follows", "Following"))


def page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """Show the lists, or take what was chosen and go where the button (`go`) says."""
    draft = queries.draft(the_member(request), to)
    if request.method != "POST":
        return _pick_page(request, to, frame, draft)
    draft.choose(request.POST.getlist("did"))
    actions.save_draft(the_member(request), to, draft)
    go, which, search = request.POST.get("go", ""), request.POST.get("list", ""), request.POST.get("q", "").strip()
    if request.POST.get("who", "").strip() and go in {"add", "search"} and (go == "add" or not search):
        return _add(request, to, frame, draft)
    if go == "next":
        return _next(request, to, frame, draft)
    if go.startswith("list:"):
        return redirect_to_step(frame, list=go.removeprefix("list:"))
    if go.startswith("cursor:"):
        return redirect_to_step(frame, list=which, q=search, cursor=go.removeprefix("cursor:"))
    if go == "clear":
        draft.choose([])
        actions.save_draft(the_member(request), to, draft)
    return redirect_to_step(frame, list=which, q=search)


def _next(request: HttpRequest, to: To, frame: dict[str, Any], draft: Draft) -> HttpResponse:
    caps = queries.caps_left(the_member(request))
    if not draft.people:
        return _pick_page(request, to, frame, draft, refusal="Nobody is chosen. Pick at least one person.")
    if len(draft.people) > caps.per_send:
        sentence = (
            f"{len(draft.people)} people are chosen; one send takes {caps.per_send}. "
            "Send to some now, to the others after."
        )
        return _pick_page(request, to, frame, draft, refusal=sentence)
    return redirect_to_step(frame, step="check")


def _add(request: HttpRequest, to: To, frame: dict[str, Any], draft: Draft) -> HttpResponse:
    """Somebody named by handle or DID; the same rules hold as for people picked from the lists."""
    host, typed = the_member(request), request.POST["who"].strip().lstrip("@")
    try:
        person = next(iter(graph_service.current().confirm(host.pk, [typed]).values()), None)
    except GraphUnavailable as fault:
        return _pick_page(request, to, frame, draft, typed=typed, add_error=fault.sentence)
    if person is None:
        sentence = f"Bluesky knows no account called {typed[:100]}. Check the spelling, and write the handle in full."
        return _pick_page(request, to, frame, draft, typed=typed, add_error=sentence)
    if code := queries.invitability(host, to, [person]).get(person.did):
        sentence = f"{person.name}: {reasons.sentence(code)} {reasons.way_on(code)}"
        return _pick_page(request, to, frame, draft, typed=typed, add_error=sentence)
    draft.list_people({person.did: (person.name, person.handle)})
    draft.choose([*draft.dids, person.did])
    actions.save_draft(the_member(request), to, draft)
    show_message(request, f"{person.name} is chosen.")
    return redirect_to_step(frame, list=request.POST.get("list", ""))


def _pick_page(
    request: HttpRequest,
    to: To,
    frame: dict[str, Any],
    draft: Draft,
    *,
    refusal: str = "",
    typed: str = "",
    add_error: str = "",
) -> HttpResponse:
    host = the_member(request)
    params = request.POST if request.method == "POST" else request.GET
    which, search = params.get("list", ""), params.get("q", "").strip()[:100]
    which = which if which in dict(LISTS) else "mutuals"
    context: dict[str, Any] = {"list": which, "lists": LISTS, "q": search, "ready": queries.readiness(host)}
    context |= _people(host.pk, which, search, params.get("cursor", ""))
    people: list[Person] = context["people"]
    refused = queries.invitability(host, to, people)
    context["rows"] = [
        {"person": person, "relation": _relation(person), "reason": reasons.reason(code) if code else None}
        for person in people
        for code in [refused.get(person.did)]
    ]
    if draft.list_people({person.did: (person.name, person.handle) for person in people}):
        actions.save_draft(host, to, draft)
    context |= {
        "draft": draft,
        "elsewhere": [did for did in draft.dids if did not in {p.did for p in people if not refused.get(p.did)}],
        "caps": queries.caps_left(host),
        "refusal": refusal,
        "typed": typed,
        "add_error": add_error,
        "over": reasons.sentence(Target(to).over()),
        "invited": to.invitations.exists(),
    }
    return render(request, "invite/pick.html", frame | context, status=400 if refusal or add_error else 200)


def _people(member_id: int, which: str, search: str, cursor: str) -> dict[str, Any]:
    graph = graph_service.current()
    try:
        if search:
            return {"people": list(graph.search(member_id, search)), "cursor": "", "known": True, "trouble": None}
        read = {"mutuals": graph.get_mutuals, "followers": graph.get_followers, "follows": graph.get_follows}[which]
        graph_page = read(member_id, cursor or None)
    except GraphUnavailable as fault:
        return {"people": [], "cursor": "", "known": True, "trouble": fault}
    return {
        "people": list(graph_page.people),
        "cursor": graph_page.cursor or "",
        "known": graph_page.known,
        "trouble": None,
    }


def _relation(person: Person) -> str:
    if person.mutual:
        return "Mutual"
    if person.follows_you:
        return "Follows you"
    return "You follow" if person.you_follow else ""
