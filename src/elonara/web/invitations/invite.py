"""Manage → Invite: pick people, check the posts, watch them go out. Three steps that can be left and come back to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import actions, queries, reasons
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.web.invitations import draft as drafts
from elonara.web.invitations import email_invitations
from elonara.web.invitations.draft import Draft
from elonara.web.shortcuts import show_message, the_member

LISTS = (("mutuals", "Mutual"), ("followers", "Followers"), ("follows", "Following"))
type To = Event | Community


def page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """The step that the address names. `frame` is what the manage page shows around it."""
    step = request.GET.get("step", "pick")
    frame |= {"base": f"/{frame['folder']}/{to.slug}/manage", "step": step, "link": Target(to).url}
    match step:
        case "check":
            return _check(request, to, frame)
        case "watch":
            return _watch(request, to, frame)
        case "email" if isinstance(to, Event):
            return email_invitations.page(request, to, frame)
        case _:
            return _pick(request, to, frame)


def _to(frame: dict[str, Any], **query: str) -> HttpResponse:
    kept = {name: value for name, value in query.items() if value}
    return redirect(f"{frame['base']}?{urlencode({'tab': 'invite', **kept})}")


# Pick


def _pick(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    kept = drafts.load(request, to)
    if request.method != "POST":
        return _pick_page(request, to, frame, kept)
    kept.choose(request.POST.getlist("did"))
    drafts.save(request, to, kept)
    go, which, search = request.POST.get("go", ""), request.POST.get("list", ""), request.POST.get("q", "").strip()
    if request.POST.get("who", "").strip() and go in {"add", "search"} and (go == "add" or not search):
        return _add(request, to, frame, kept)
    if go == "next":
        return _next(request, to, frame, kept)
    if go.startswith("list:"):
        return _to(frame, list=go.removeprefix("list:"))
    if go.startswith("cursor:"):
        return _to(frame, list=which, q=search, cursor=go.removeprefix("cursor:"))
    if go == "clear":
        kept.choose([])
        drafts.save(request, to, kept)
    return _to(frame, list=which, q=search)


def _next(request: HttpRequest, to: To, frame: dict[str, Any], kept: Draft) -> HttpResponse:
    caps = queries.caps_left(the_member(request))
    if not kept.people:
        return _pick_page(request, to, frame, kept, refusal="Nobody is chosen. Pick at least one person.")
    if len(kept.people) > caps.per_send:
        sentence = (
            f"{len(kept.people)} people are chosen; one send takes {caps.per_send}. "
            "Send to some now, to the others after."
        )
        return _pick_page(request, to, frame, kept, refusal=sentence)
    return _to(frame, step="check")


def _add(request: HttpRequest, to: To, frame: dict[str, Any], kept: Draft) -> HttpResponse:
    """Somebody named by handle or DID; the same rules hold as for people picked from the lists."""
    host, typed = the_member(request), request.POST["who"].strip().lstrip("@")
    try:
        person = next(iter(graph_service.current().confirm(host.pk, [typed]).values()), None)
    except GraphUnavailable as fault:
        return _pick_page(request, to, frame, kept, typed=typed, add_error=fault.sentence)
    if person is None:
        sentence = f"Bluesky knows no account called {typed[:100]}. Check the spelling, and write the handle in full."
        return _pick_page(request, to, frame, kept, typed=typed, add_error=sentence)
    if code := queries.invitability(host, to, [person]).get(person.did):
        sentence = f"{person.name}: {reasons.sentence(code)} {reasons.way_on(code)}"
        return _pick_page(request, to, frame, kept, typed=typed, add_error=sentence)
    kept.shown[person.did] = [person.name, person.handle]
    kept.choose([*kept.dids, person.did])
    drafts.save(request, to, kept)
    show_message(request, f"{person.name} is chosen.")
    return _to(frame, list=request.POST.get("list", ""))


def _pick_page(
    request: HttpRequest,
    to: To,
    frame: dict[str, Any],
    kept: Draft,
    *,
    refusal: str = "",
    typed: str = "",
    add_error: str = "",
) -> HttpResponse:
    host = the_member(request)
    asked = request.POST if request.method == "POST" else request.GET
    which, search = asked.get("list", ""), asked.get("q", "").strip()[:100]
    which = which if which in dict(LISTS) else "mutuals"
    context: dict[str, Any] = {"list": which, "lists": LISTS, "q": search, "ready": queries.readiness(host)}
    context |= _people(host.pk, which, search, asked.get("cursor", ""))
    people: list[Person] = context["people"]
    refused = queries.invitability(host, to, people)
    context["rows"] = [
        {"person": person, "relation": _relation(person), "reason": reasons.reason(code) if code else None}
        for person in people
        for code in [refused.get(person.did)]
    ]
    kept.shown = {person.did: [person.name, person.handle] for person in people}
    drafts.save(request, to, kept)
    context |= {
        "draft": kept,
        "elsewhere": [did for did in kept.dids if did not in {p.did for p in people if not refused.get(p.did)}],
        "caps": queries.caps_left(host),
        "refusal": refusal,
        "typed": typed,
        "add_error": add_error,
        "over": reasons.sentence(Target(to).over()),
        "invited": to.invitations.exists(),
    }
    return render(request, "invite/pick.html", frame | context, status=400 if refusal or add_error else 200)


def _people(member_id: int, which: str, search: str, cursor: str) -> dict[str, Any]:
    reads = graph_service.current()
    try:
        if search:
            return {"people": list(reads.search(member_id, search)), "cursor": "", "known": True, "trouble": None}
        read = {"mutuals": reads.get_mutuals, "followers": reads.get_followers, "follows": reads.get_follows}[which]
        found = read(member_id, cursor or None)
    except GraphUnavailable as fault:
        return {"people": [], "cursor": "", "known": True, "trouble": fault}
    return {"people": list(found.people), "cursor": found.cursor or "", "known": found.known, "trouble": None}


def _relation(person: Person) -> str:
    if person.mutual:
        return "Mutual"
    if person.follows_you:
        return "Follows you"
    return "You follow" if person.you_follow else ""


# Check


def _check(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    kept = drafts.load(request, to)
    if request.method == "POST":
        kept.note = request.POST.get("note", "").replace("\r\n", "\n").strip()
        kept.lines = {did: line for did in kept.dids if (line := request.POST.get(f"line:{did}", "").strip())}
        kept.thread = request.POST.get("separate") != "1"
        drafts.save(request, to, kept)
        if request.POST.get("go") == "send":
            return _send(request, to, frame, kept)
        return _to(frame, step="check")
    if not kept.people:
        return _to(frame)
    return _check_page(request, to, frame, kept)


def _send(request: HttpRequest, to: To, frame: dict[str, Any], kept: Draft) -> HttpResponse:
    try:
        sent = actions.invite(
            the_member(request),
            to,
            kept.dids,
            note=kept.note,
            lines=kept.lines,
            thread=kept.thread,
            idempotency_key=kept.key,
        )
    except (InvitationRefused, GraphUnavailable) as fault:
        return _check_page(request, to, frame, kept, refusal=fault)
    drafts.drop(request, to)
    left = f" {len(sent.skipped)} left out." if sent.skipped else ""
    show_message(
        request, f"{sent.queued} {'invitation is' if sent.queued == 1 else 'invitations are'} on the way.{left}"
    )
    return _to(frame, step="watch")


def _check_page(
    request: HttpRequest, to: To, frame: dict[str, Any], kept: Draft, *, refusal: Exception | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"draft": kept, "refusal": refusal, "preview": None}
    try:
        context["preview"] = actions.preview(
            the_member(request), to, kept.dids, note=kept.note, lines=kept.lines, thread=kept.thread
        )
    except (InvitationRefused, GraphUnavailable) as fault:
        context["refusal"] = refusal or fault
    ready = context["preview"].readiness if context["preview"] else None
    identity = getattr(the_member(request), "bluesky", None)
    own = ready is not None and identity is not None and ready.author_did == identity.bsky_did
    context["author_name"] = identity.display_name if own and identity else ""
    context["author_name"] = context["author_name"] or (ready.handle if ready else "") or the_member(request).name
    field = getattr(context["refusal"], "field_name", "")
    context |= {"field": field, "lines": [{**one, "line": kept.lines.get(one["did"], "")} for one in kept.chosen]}
    return render(request, "invite/check.html", frame | context, status=400 if context["refusal"] else 200)


# Watch


def _watch(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    if request.method == "POST" and request.POST.get("go") == "confirm_all":
        count = actions.confirm_all(to, the_member(request))
        show_message(request, f"{count} {'post goes' if count == 1 else 'posts go'} out with the new text.")
        return _to(frame, step="watch")
    progress = queries.progress(to, the_member(request))
    context = {
        "progress": progress,
        "need": [row for row in progress.rows if row.needs_host],
        "rest": [row for row in progress.rows if not row.needs_host],
        "unconfirmed": sum(1 for row in progress.rows if row.needs_confirmation and "confirm" in row.can),
        "ready": queries.readiness(the_member(request)),
        "letters": to.email_invitations.count() if isinstance(to, Event) else 0,
    }
    part = request.GET.get("part") == "1"
    return render(request, "invite/progress.html" if part else "invite/watch.html", frame | context)
