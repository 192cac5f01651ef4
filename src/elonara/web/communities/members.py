"""The people of a community: the list, roles, and removing somebody."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from elonara.communities import actions, queries
from elonara.communities.models import Community, Membership, Visibility
from elonara.communities.people.removals import may_remove
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.members.queries import may_act
from elonara.web.communities.joining import who_waits
from elonara.web.communities.views import community_or_404, confirm, managed_or_refused
from elonara.web.proofs import proofs
from elonara.web.shortcuts import member_of, members_only, paged, safe_next, show_message, the_member


@require_safe
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody in the community. Raises Http404 for who may see the page of a private one without being in it."""
    community, member = community_or_404(request, slug), member_of(request)
    if not queries.may_see_people(community, member, list(proofs(request))):
        raise Http404
    context = list_of_people(request, community, member, address=f"/communities/{slug}/members")
    return render(request, "communities/members.html", context | who_waits(community, member))


def list_of_people(
    request: HttpRequest, community: Community, member: Member | None, *, address: str, tab: str = ""
) -> dict[str, Any]:
    """What `communities/member_list.html` shows at this address: one page of people, and what the viewer may do."""
    search = request.GET.get("q", "").strip()[:100]
    listed = paged(request, queries.people(community, search))
    kept = {name: value for name, value in (("tab", tab), ("q", search)) if value}
    mine = queries.membership_of(community, member)
    role = mine.role if mine is not None and may_act(member) else ""
    return {
        "community": community,
        "listed": listed,
        "q": search,
        "address": address,
        "in_tab": tab,
        "query": f"{urlencode(kept)}&" if kept else "",
        "back": urlencode({"next": request.get_full_path()}),
        "roles": Membership.Role.choices,
        "is_admin": role == Membership.Role.ADMIN,
        "only_admin": queries.only_admin(community) if role == Membership.Role.ADMIN else None,
        "removable": {row.pk for row in listed.rows if may_remove(role, row) and row.pk != getattr(mine, "pk", None)},
        "own": getattr(mine, "pk", None),
    }


@members_only
@require_POST
def set_role(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Give a member another role."""
    community = managed_or_refused(request, slug)
    membership = get_object_or_404(Membership, pk=pk, community=community)
    try:
        role = request.POST.get("role", "")
        actions.set_role(community, by=the_member(request), membership=membership, role=role)
        show_message(request, _("The role is saved."))
    except (NotAllowed, Invalid) as fault:
        show_message(request, str(fault), "bad")
    return redirect(_back(request, slug))


@members_only
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """GET says what removing somebody means; POST removes them."""
    community = community_or_404(request, slug)
    member = the_member(request)
    actions.require_moderator(community, member)
    membership = get_object_or_404(Membership.objects.select_related("member"), pk=pk, community=community)
    name, back = queries.name_of(membership), _back(request, slug)
    if request.method == "POST":
        try:
            actions.remove_member(community, by=member, membership=membership)
            show_message(request, _("{name} is removed.").format(name=name))
        except NotAllowed as fault:
            show_message(request, str(fault), "bad")
        return redirect(back)
    lines = [
        _("{name} will no longer be a member, and will get a notice. Their answers to its events stay.").format(
            name=name
        ),
        _("They cannot join again until you or another admin or moderator lets them in."),
    ]
    if community.visibility == Visibility.PRIVATE:
        lines.append(_("They will no longer see the community or what is in it."))
    heading = _("Remove {name} from “{community}”?").format(name=name, community=community.name)
    return confirm(request, heading, lines, _("Remove {name}").format(name=name), back, stay=_("Keep them"))


def _back(request: HttpRequest, slug: str) -> str:
    wanted = request.POST.get("next") or request.GET.get("next")
    return safe_next(request, wanted, f"/communities/{slug}/members")
