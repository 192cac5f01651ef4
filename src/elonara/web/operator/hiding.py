"""Events and communities in the admin: read-only, but that an operator hides them and shows them again."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from elonara.communities import actions as communities
from elonara.communities.models import Community
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations import queries
from elonara.invitations.models import State
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.web.operator.admin import ReadOnlyAdmin
from elonara.web.operator.folded_search import FoldedSearch


class HidingAdmin(FoldedSearch, ReadOnlyAdmin):
    """For what operators hide; it is otherwise read-only."""

    actions = ("hide", "unhide")

    @admin.action(description=gettext_lazy("Hide from everybody but those who run it"))
    def hide(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Hide the chosen rows."""
        self._each(request, queryset, "hide")

    @admin.action(description=gettext_lazy("Show again"))
    def unhide(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Show the chosen rows again."""
        self._each(request, queryset, "unhide")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of posts that hiding does not reach."""
        sent = {
            f"sent_{name}": Count(name, filter=Q(**{f"{name}__state": State.SENT}), distinct=True)
            for name in ("announcements", "corrections", "invitations")
        }
        return cast("QuerySet[Any]", super().get_queryset(request).annotate(**sent))

    @admin.display(description=gettext_lazy("posts on Bluesky"))
    def on_bluesky(self, row: Any) -> int:
        """How many posts stay when it is hidden."""
        return int(row.sent_announcements + row.sent_corrections + row.sent_invitations)

    def _each(self, request: HttpRequest, chosen: QuerySet[Any], what: str) -> None:
        do = getattr(events if self.model is Event else communities, what)
        try:
            for row in chosen.select_related("created_by"):
                do(row, cast("Member", request.user))
                if what == "hide" and (posts := queries.on_bluesky(row).in_words):
                    stays = _("{name}: what stays on Bluesky is {posts}. Only its hosts can take posts back.")
                    self.message_user(request, stays.format(name=row, posts=posts), messages.WARNING)
        except NotAllowed as fault:
            self.message_user(request, fault.sentence, messages.ERROR)


class EventAdmin(HidingAdmin):
    """Events: an operator hides them and shows them again, and changes nothing else."""

    list_display = ("title", "starts_at", "visibility", "status", "on_bluesky", "hidden_at", "created_by")
    list_filter = ("visibility", "status", ("hidden_at", admin.EmptyFieldListFilter))
    search_fields = ("slug",)


class CommunityAdmin(HidingAdmin):
    """Communities, as events."""

    list_display = ("name", "visibility", "on_bluesky", "hidden_at", "created_by", "closed_at")
    list_filter = ("visibility", ("hidden_at", admin.EmptyFieldListFilter))
    search_fields = ("slug",)


def register(site: admin.AdminSite) -> None:
    """Add both to the admin."""
    site.register(Event, EventAdmin)
    site.register(Community, CommunityAdmin)
