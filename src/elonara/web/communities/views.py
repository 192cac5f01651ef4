"""Communities: list, show, create, edit, close; join and leave."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_POST, require_safe

from elonara.communities import actions, queries, transfer_rows
from elonara.communities.memberships import CLOSED, LAST_ADMIN
from elonara.communities.models import Community, Membership, Visibility
from elonara.events import queries as events
from elonara.invitations.queries import invited_at, on_bluesky, targets_of
from elonara.members.daily_limits import require_room
from elonara.members.errors import Invalid, LimitReached, NotAllowed
from elonara.members.models import Creation
from elonara.members.standing import require_active
from elonara.web.communities.forms import CommunityForm
from elonara.web.communities.ways_in import way_in
from elonara.web.invitations.posts import after_ending
from elonara.web.proofs import proofs
from elonara.web.shortcuts import add_form_errors, member_of, members_only, options, paged, show_message, the_member

YOU_ARE = {
    "admin": gettext_noop("you are an admin"),
    "moderator": gettext_noop("you are a moderator"),
    "member": gettext_noop("you are a member"),
}
FIRST_OF_MINE = 12  # of the viewer's communities, before the public ones


def community_or_404(request: HttpRequest, slug: str) -> Community:
    """The community. Raises Http404 also where the viewer may not see it, so that a slug does not reveal it exists."""
    dids = list(proofs(request))
    community = queries.find(slug, member_of(request), dids, targets_of("community", dids))
    if community is None:
        raise Http404
    return community


def managed_or_refused(request: HttpRequest, slug: str) -> Community:
    """The community, where the member is one of its admins. Raises Http404 or NotAllowed."""
    community = community_or_404(request, slug)
    if not queries.may_manage(community, the_member(request)):
        raise NotAllowed(_("Only the admins of this community may do that."))
    return community


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The first of the viewer's communities, then the public ones; with `?show=mine` all of the viewer's."""
    member = member_of(request)
    dids, search = list(proofs(request)), request.GET.get("q", "").strip()[:100]
    asked = {"q": search} if search else {}
    mine = queries.communities_of(member, dids, search) if member or dids else Community.objects.none()
    context: dict[str, Any] = {"q": search}
    if request.GET.get("show") == "mine" and (member or dids):
        asked["show"] = "mine"
        context |= {"mine": (listed := paged(request, mine)).rows, "listed": listed, "only_mine": True}
    else:
        others = queries.public(search)
        if member or dids:
            others = others.exclude(pk__in=queries.ids_of(member, dids))
        first, listed = list(mine[: FIRST_OF_MINE + 1]), paged(request, others)
        context |= {"mine": first[:FIRST_OF_MINE], "others": listed.rows, "listed": listed}
        if len(first) > FIRST_OF_MINE:
            context["all_mine"] = "?" + urlencode(asked | {"show": "mine"})
    context["query"] = f"{urlencode(asked)}&" if asked else ""
    return render(request, "communities/index.html", context)


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """One community."""
    community, member = community_or_404(request, slug), member_of(request)
    dids = list(proofs(request))
    role = queries.role_of(community, member, dids) if member or dids else None
    people = queries.people(community)
    past = events.visible_to(member, dids).filter(community=community, starts_at__lt=timezone.now())
    context = {
        "community": community,
        "role": role,
        "you_are": _(YOU_ARE[role]) if role else "",
        "manages": queries.may_manage(community, member),
        "transfer": transfer_rows.asked(community, member),
        "runs": community if queries.may_invite(community, member) else None,
        "adds_events": not community.closed_at and queries.may_add_events(community, member),
        "invites": not community.closed_at and queries.may_invite(community, member),
        "member_count": people.count(),
        "runners": people.exclude(role=Membership.Role.MEMBER),
        "members": people.filter(role=Membership.Role.MEMBER)[:12],
        "join": None if role else way_in(community, member, dids),
        "sees_people": queries.may_see_people(community, member, dids),
        "events": events.of_community(community.pk, member, dids)[:20],
        "past": past.order_by("-starts_at")[:10],
        "link": f"{options().site.url}/communities/{slug}",
    }
    return render(request, "communities/show.html", context)


@members_only
def create(request: HttpRequest) -> HttpResponse:
    """Create a community."""
    # Before she fills in the form.
    require_active(the_member(request))
    if request.method != "POST":
        require_room(the_member(request), Creation.Kind.COMMUNITY)
    form = CommunityForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            community = actions.create(the_member(request), **form.values())
        except (Invalid, LimitReached) as fault:
            add_form_errors(form, fault.errors)
        else:
            show_message(request, _("Your community is ready. Next, invite people."))
            return redirect(f"/communities/{community.slug}/manage?tab=invite")
    context = {"form": form, "heading": _("Create a community"), "button": _("Create the community")}
    return render(request, "communities/form.html", context)


@members_only
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a community. Raises NotAllowed also where it is closed."""
    community = managed_or_refused(request, slug)
    if community.closed_at:
        raise NotAllowed(_(CLOSED), "closed")
    was_public = community.visibility == Visibility.PUBLIC
    form = CommunityForm(
        request.POST or None,
        request.FILES or None,
        initial=CommunityForm.initial_of(community),
        posts=on_bluesky(community, naming=True).in_words if was_public else "",
    )
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(community, by=the_member(request), **form.values())
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        else:
            hides = was_public and community.visibility == Visibility.PRIVATE
            posts = after_ending(request, community, only_wrong=True) if hides else ""
            show_message(request, f"{_('The changes are saved.')} {posts}".strip())
            return redirect(f"/communities/{community.slug}/manage?tab=details")
    context = {"form": form, "community": community, "heading": _("Change the community"), "button": _("Save")}
    return render(request, "communities/form.html", context)


@members_only
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks for confirmation and says what is lost; POST closes."""
    community = managed_or_refused(request, slug)
    if request.method == "POST":
        actions.close(community, the_member(request))
        posts = after_ending(request, community, only_wrong=False)
        show_message(request, f"{_('The community is closed.')} {posts}".strip())
        return redirect(f"/communities/{slug}")
    count = community.memberships.count()
    stay = ngettext(
        "{count} person is a member. They can still see the page.",
        "{count} people are members. They can still see the page.",
        count,
    )
    lines = [
        stay.format(count=count),
        _("Nobody can join after that, and invitations that are not sent yet are stopped. This can’t be undone."),
    ]
    heading, back = _("Close “{community}”?").format(community=community.name), f"/communities/{slug}/manage"
    return confirm(request, heading, lines, _("Close the community"), back, posts=on_bluesky(community).in_words)


@members_only
@require_POST
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Join a community that the member may see."""
    community = community_or_404(request, slug)
    at = invited_at(community, list(proofs(request)))
    actions.join(community, member=the_member(request), invited=at is not None, invited_at=at)
    show_message(request, _("You’re in: {community}.").format(community=community.name))
    return redirect(f"/communities/{slug}")


@members_only
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks for confirmation; POST leaves."""
    community = community_or_404(request, slug)
    if request.method == "POST":
        actions.leave(community, member=the_member(request))
        show_message(request, _("You have left {community}.").format(community=community.name))
        return redirect("/communities")
    heading, back = _("Leave “{community}”?").format(community=community.name), f"/communities/{slug}"
    own = queries.membership_of(community, the_member(request))
    if own is not None and own.pk == queries.only_admin(community):
        return confirm(request, heading, [_(LAST_ADMIN).format(name=community.name)], "", back, stay=_("Stay"))
    lines = [_("Your answers to its events stay.")]
    if community.visibility == Visibility.PRIVATE:
        lines.append(_("You can come back only with a new invitation."))
    return confirm(request, heading, lines, _("Leave"), back, stay=_("Stay"))


@require_safe
def picture(request: HttpRequest, slug: str) -> FileResponse:
    """The community's picture. Raises Http404 also where the viewer may not see the community."""
    community = community_or_404(request, slug)
    if not community.picture:
        raise Http404
    return FileResponse(community.picture.open("rb"), headers={"Cache-Control": "private, max-age=300"})


def confirm(request: HttpRequest, heading: str, lines: list[str], button: str, back: str, **more: Any) -> HttpResponse:
    """A page that asks before an act, and says what it means. Without `button` it only says why it cannot be done."""
    context = {"heading": heading, "lines": lines, "button": button, "back": back, **more}
    return render(request, "communities/confirm.html", context)
