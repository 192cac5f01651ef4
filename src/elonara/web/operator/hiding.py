"""Events and communities in the admin: read-only, but that an operator hides them and shows them again."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from elonara.communities import actions as communities
from elonara.communities.models import Community
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.web.operator.admin import ReadOnlyAdmin


class HidingAdmin(ReadOnlyAdmin):
    """For what operators hide; it is otherwise read-only."""

    actions = ("hide", "unhide")

    @admin.action(description="Hide from everybody but those who run it")
    def hide(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Hide the chosen rows."""
        self._each(request, queryset, "hide")

    @admin.action(description="Show again")
    def unhide(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Show the chosen rows again."""
        self._each(request, queryset, "unhide")

    def _each(self, request: HttpRequest, chosen: QuerySet[Any], what: str) -> None:
        do = getattr(events if self.model is Event else communities, what)
        try:
            for row in chosen.select_related("created_by"):
                do(row, cast("Member", request.user))
        except NotAllowed as fault:
            self.message_user(request, fault.sentence, messages.ERROR)


class EventAdmin(HidingAdmin):
    """Events: an operator hides them and shows them again, and changes nothing else."""

    list_display = ("title", "starts_at", "visibility", "status", "hidden_at", "created_by")
    list_filter = ("visibility", "status", ("hidden_at", admin.EmptyFieldListFilter))
    search_fields = ("title", "slug")


class CommunityAdmin(HidingAdmin):
    """Communities, as events."""

    list_display = ("name", "visibility", "hidden_at", "created_by", "closed_at")
    list_filter = ("visibility", ("hidden_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "slug")


def register(site: admin.AdminSite) -> None:
    """Add both to the admin."""
    site.register(Event, EventAdmin)
    site.register(Community, CommunityAdmin)
