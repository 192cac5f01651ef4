"""The events of a community, for those who run it: taking one out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from elonara.communities.actions import require_moderator
from elonara.events import of_communities
from elonara.events.queries import visible_to
from elonara.web.communities.views import community_or_404, confirm
from elonara.web.shortcuts import members_only, show_message, the_member


@members_only
def take_out(request: HttpRequest, slug: str, event: str) -> HttpResponse:
    """GET says what taking an event out of the community means; POST does it."""
    community, member = community_or_404(request, slug), the_member(request)
    require_moderator(community, member)
    found, back = get_object_or_404(visible_to(member).filter(community=community), slug=event), f"/communities/{slug}"
    if request.method == "POST":
        of_communities.take_out(found, of=community, by=member)
        show_message(request, _("{event} is no longer in the community.").format(event=found.title))
        return redirect(back)
    lines = [
        _("Its hosts keep it, with its page, its guests and their answers. They get a notice."),
        _("It is no longer listed here. Members who have not answered a private event no longer see it."),
    ]
    heading = _("Take “{event}” out of “{community}”?").format(event=found.title, community=community.name)
    return confirm(request, heading, lines, _("Take it out"), back)
