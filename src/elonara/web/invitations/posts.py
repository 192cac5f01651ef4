"""Posts that are on Bluesky already: the update after an edit, taking posts back, what stays when something ends."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.invitations import actions, queries
from elonara.invitations.models import State
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.web.invitations.steps import To, redirect_to_step
from elonara.web.parts.links import with_way_on
from elonara.web.shortcuts import show_message, the_member


def notice_context(request: HttpRequest, to: To) -> dict[str, Any]:
    """The notice about posts that do not hold any more, for `invite/notice.html`."""
    member = the_member(request)
    notice = queries.notice(to, member)
    if notice is None:
        return {"notice": None}
    context: dict[str, Any] = {
        "notice": notice,
        "other_hosts": format_html_join(", ", "<bdi>{}</bdi>", ((name,) for name in notice.others)),
    }
    ready = notice.ready
    if ready is None:
        return context
    identity = getattr(member, "bluesky", None)
    own = identity is not None and ready.author_did == identity.bsky_did
    name = identity.display_name if identity is not None and own else ""
    return context | {"author_handle": ready.handle, "author_name": name or ready.handle or member.name}


def post_update(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """Post the update that the page showed."""
    try:
        update = actions.post_update(to, the_member(request), request.POST.get("shown", ""))
    except InvitationRefused as fault:
        show_message(request, f"{fault.sentence} {fault.way_on}".strip(), "bad")
    else:
        updates = f"{frame['base']}?tab=invite&step=watch#upd"
        if update.state == State.WAITING:
            show_message(request, with_way_on(_("The update waits."), updates, _("See for what")), "warn")
        else:
            show_message(request, with_way_on(_("The update is on its way."), updates, _("See how it is doing")))
    return redirect_to_step(frame, step="watch")


def take_back_page(request: HttpRequest, to: To, frame: dict[str, Any]) -> HttpResponse:
    """GET says what is taken back and what that means; POST does it."""
    over = bool(Target(to).over())
    if request.method == "POST":
        try:
            count = actions.take_back(to, the_member(request), only_wrong=not over)
        except InvitationRefused as fault:
            show_message(request, f"{fault.sentence} {fault.way_on}".strip(), "bad")
        else:
            show_message(request, taken_back(count))
        return redirect_to_step(frame, step="watch")
    return render(request, "invite/take_back.html", frame | {"posts": queries.to_take_back(to), "over": over})


def after_ending(request: HttpRequest, to: To, *, only_wrong: bool) -> str:
    """Take the posts back where the form asks for it, and say so, or how many stay. "" where there are none."""
    if request.POST.get("take_back"):
        return taken_back(actions.take_back(to, the_member(request), only_wrong=only_wrong))
    stay = queries.on_bluesky(to, naming=only_wrong).total
    if not stay:
        return ""
    return ngettext("{count} post stays on Bluesky.", "{count} posts stay on Bluesky.", stay).format(count=stay)


def taken_back(count: int) -> str:
    """What was begun, in words."""
    return ngettext("{count} post is being taken back.", "{count} posts are being taken back.", count).format(
        count=count
    )
