"""Manage → Invite: pick people, check the posts, watch their delivery.

The draft is kept as a row, so a host can leave at any step and continue later, also in another browser. Pick is in
`picking`, Watch in `watch`, invitations by e-mail in `email_invitations`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.events.models import Event
from elonara.invitations import actions, queries
from elonara.invitations.planning.drafts import Draft
from elonara.invitations.results import InvitationRefused, Sent
from elonara.invitations.targets import Target
from elonara.members.models import Member
from elonara.web.invitations import candidates, email_invitations, picking, posts, watch
from elonara.web.invitations.steps import To, redirect_to_step
from elonara.web.shortcuts import show_message, the_member

MAX_NAMES = 20  # of people left out in the message after Send


def page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """The step named by `?step=`. `frame` is the template context of the manage page around it."""
    step = request.GET.get("step", "pick")
    base = f"/{frame['folder']}/{to.slug}/manage"
    # The status card of Bluesky is a detour: what is missing there brings her back to her people.
    card = f"/profile/edit?{urlencode({'next': f'{base}?tab=invite'})}"
    frame |= {"base": base, "step": step, "link": Target(to).url, "card": card}
    match step:
        case "check":
            return _check(request, to, frame)
        case "watch":
            return watch.page(request, to, frame)
        case "take-back":
            return posts.take_back_page(request, to, frame)
        case "email" if isinstance(to, Event):
            return email_invitations.page(request, to, frame)
        case _:
            return picking.page(request, to, frame)


# Check


def _check(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    draft = queries.draft(the_member(request), to)
    if request.method == "POST":
        lines = {did: request.POST.get(f"line:{did}", "") for did in draft.dids}
        draft.write(
            request.POST.get("note", ""),
            lines,
            thread=request.POST.get("separate") != "1",
            alone_if_gone=request.POST.get("alone_if_gone") == "1",
        )
        if request.POST.get("go") == "usual":
            draft.write_sentence("", "", Target(to))
        elif "sentence" in request.POST:
            draft.write_sentence(request.POST["sentence"], request.POST.get("proposed", ""), Target(to))
        actions.write_draft(the_member(request), to, draft)
        if request.POST.get("go") == "send":
            return _send(request, to, frame, draft)
        return redirect_to_step(frame, "posts" if request.POST.get("go") == "preview" else "", step="check")
    if not draft.people:
        return redirect_to_step(frame)
    return _check_page(request, to, frame, draft)


def _send(request: HttpRequest, to: To, frame: dict[str, Any], draft: Draft) -> HttpResponse:
    try:
        sent = actions.invite(
            the_member(request),
            to,
            draft.dids,
            note=draft.note,
            lines=draft.lines,
            thread=draft.thread,
            sentence=draft.sentence_for(Target(to)),
            alone_if_gone=draft.alone_if_gone,
            idempotency_key=draft.key,
            # What this browser tab showed; the draft may have been changed in another one.
            preview_id=request.POST.get("shown", ""),
        )
    except (InvitationRefused, GraphUnavailable) as fault:
        return _check_page(request, to, frame, draft, refusal=fault)
    actions.drop_draft(the_member(request), to)
    said = f"{_on_the_way(sent)} {_left_out(sent)}".rstrip()
    show_message(request, said, "ok" if sent.queued else "warn")
    return redirect_to_step(frame, step="watch")


def _on_the_way(sent: Sent) -> str:
    """How many are invited, and when, where not all are today."""
    if not sent.queued:
        return _("Nobody is left to invite.")
    if sent.waiting == sent.queued:
        return ngettext(
            "{count} invitation is saved, and goes out once you can post.",
            "{count} invitations are saved, and go out once you can post.",
            sent.queued,
        ).format(count=sent.queued)
    if not sent.later:
        # True while they are sent, and afterwards too: it stays on the page beside "8 of 8 are on Bluesky".
        return ngettext("You’ve invited {count} person.", "You’ve invited {count} people.", sent.queued).format(
            count=sent.queued
        )
    return ngettext(
        "{count} invitation is on the way: {schedule}.",
        "{count} invitations are on the way: {schedule}.",
        sent.queued,
    ).format(count=sent.queued, schedule=sent.schedule)


def _left_out(sent: Sent) -> str:
    """Who of the chosen is not invited, by name; "" for nobody."""
    names = [one.name or one.handle or one.did for one in sent.skipped]
    named, more = ", ".join(names[:MAX_NAMES]), len(names) - MAX_NAMES
    if not names:
        return ""
    if more <= 0:
        return _("Left out: {names}.").format(names=named)
    return _("Left out: {names} and {count} more.").format(names=named, count=more)


def _check_page(
    request: HttpRequest, to: To, frame: dict[str, Any], draft: Draft, *, refusal: Exception | None = None
) -> HttpResponse:
    sentence, usual = draft.sentence_for(Target(to)), queries.usual_sentence(to)
    context: dict[str, Any] = {
        "draft": draft,
        "refusal": refusal,
        "preview": None,
        "usual_sentence": usual,
        "sentence": sentence or usual,
        "caution": queries.caution(draft, to),
    }
    words: dict[str, Any] = {"note": draft.note, "lines": draft.lines, "thread": draft.thread, "sentence": sentence}
    try:
        context["preview"] = actions.preview(the_member(request), to, draft.dids, **words)
    except (InvitationRefused, GraphUnavailable) as fault:
        if getattr(fault, "code", "") == "graph_unavailable":
            context |= _as_stored(the_member(request), to, draft, words) | {"silent": fault}
        else:
            context["refusal"] = refusal or fault
    if context.get("silent") and isinstance(refusal, InvitationRefused) and refusal.code == "graph_unavailable":
        context["refusal"] = None  # Send was pressed, and the notice about the server says why nothing was sent
    ready = context["preview"].readiness if context["preview"] else None
    identity = getattr(the_member(request), "bluesky", None)
    own = ready is not None and identity is not None and ready.author_did == identity.bsky_did
    context["author_name"] = identity.display_name if own and identity else ""
    context["author_name"] = context["author_name"] or (ready.handle if ready else "") or the_member(request).name
    field = getattr(context["refusal"], "field_name", "")
    context |= {"field": field, "lines": [{**one, "line": draft.lines.get(one["did"], "")} for one in draft.chosen]}
    status = 400 if context["refusal"] or refusal else 200
    return render(request, "invite/check.html", frame | context, status=status)


def _as_stored(host: Member, to: To, draft: Draft, words: dict[str, Any]) -> dict[str, Any]:
    """The posts for the people as they are stored, where a server does not say how they are now."""
    people = {person.did: person for person in candidates.as_stored(host, draft.chosen)}
    try:
        preview = actions.preview(host, to, draft.dids, unasked=people, **words)
    except InvitationRefused as fault:
        return {"refusal": fault}
    identity = getattr(host, "bluesky", None)
    server = urlsplit(identity.pds_url).hostname if identity is not None else ""
    return {"preview": preview, "age": candidates.stored_age(host), "server": server}
