"""The buttons of one invitation or announcement on the Watch page: retry, confirm, cancel, undo, post it yourself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, Correction, Invitation
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import Deliverable
from elonara.members.errors import NotAllowed
from elonara.web.shortcuts import members_only, show_message, the_member

DONE = {
    "retry": gettext_noop("It is queued again."),
    "confirm": gettext_noop("It goes out with the text you have seen."),
    "cancel": gettext_noop("It is cancelled. If it was just being sent, it is taken back."),
    "undo": gettext_noop("The post is being taken back."),
}
NEEDS_CONFIRMATION = {"undo"}


@members_only
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """Do `what` to an invitation. Undo shows a confirmation page first; compose shows the text to post by hand."""
    return _act(
        request,
        Invitation.objects.select_related("host__bluesky", "event", "community", "batch").filter(pk=pk).first(),
        what,
    )


@members_only
@require_http_methods(["GET", "HEAD", "POST"])
def act_on_announcement(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """Do `what` to an announcement, the post that the invitations of a thread reply to."""
    return _act(request, Announcement.objects.select_related("event", "community").filter(pk=pk).first(), what)


@members_only
@require_http_methods(["GET", "HEAD", "POST"])
def act_on_update(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """Do `what` to an update, the post that says what has changed."""
    return _act(request, Correction.objects.select_related("event", "community").filter(pk=pk).first(), what)


def _act(request: HttpRequest, row: Deliverable | None, what: str) -> HttpResponse:
    target = target_of(row) if row else None
    # 404, not 403: those who may not invite do not learn that the invitation exists.
    if row is None or target is None or not target.may_invite(the_member(request)):
        raise Http404
    section = "events" if target.kind == "event" else "communities"
    back = f"/{section}/{target.of.slug}/manage?tab=invite&step=watch"
    invitation = row if isinstance(row, Invitation) else None
    if request.method != "POST":
        if what in NEEDS_CONFIRMATION or (what == "compose" and invitation):
            noun = "update" if isinstance(row, Correction) else "announcement"
            context: dict[str, Any] = {"row": row, "person": invitation, "back": back, "target": target, "noun": noun}
            context["section"] = section  # the address begins with /invitations, where those to her are
            if what == "compose" and invitation is not None:
                context["post"] = queries.handed_over(invitation)
            return render(request, f"invite/{what}.html", context)
        return redirect(back)
    shown = request.POST.get("shown", "")
    try:
        if what == "compose" and invitation is not None:
            address = actions.hand_over(invitation, the_member(request), shown)
            return render(
                request,
                "invite/handed.html",
                {"address": address, "text": invitation.record["text"], "back": back, "section": section},
            )
        if what in {"retry", "confirm"} and invitation is not None:
            (actions.retry if what == "retry" else actions.confirm)(invitation, the_member(request), shown)
        elif what in {"cancel", "undo"}:
            (actions.cancel if what == "cancel" else actions.undo)(row, the_member(request))
        else:
            raise Http404
    except (InvitationRefused, NotAllowed) as fault:
        show_message(request, f"{fault.sentence} {getattr(fault, 'way_on', '')}".strip(), "bad")
        if getattr(fault, "code", "") == "preview_changed":
            again = f"/invitations/{row.pk}/compose" if what == "compose" else f"{back}&look={row.pk}#row-{row.pk}"
            return redirect(again)
    else:
        show_message(request, _(DONE[what]))
    # A long list has pages: back to the one on which the row stands now.
    number = queries.page_with(target.of, row.pk) if invitation is not None else 1
    return redirect(f"{back}&page={number}" if number > 1 else back)
