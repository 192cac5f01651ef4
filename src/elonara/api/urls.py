"""`/api/v1`: the calls that other programs make."""

from __future__ import annotations

from ninja import NinjaAPI

from elonara.api import communities, events, invitations, me, problems
from elonara.api.auth import Bearer

api = NinjaAPI(
    title="Elonara",
    version="1",
    description="Events, communities and invitations. Errors are problem+json with a stable `code`.",
    auth=Bearer(),
    urls_namespace="api",
)
problems.install(api)
api.add_router("", me.router)
api.add_router("/events", events.router)
api.add_router("/communities", communities.router)
api.add_router("/invitations", invitations.router)

urlpatterns = api.urls[0]
