"""URL patterns of the API, `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from elonara.api import communities, events, invitations, me, people, problems
from elonara.api.auth import Bearer
from elonara.api.guests import answers, listing, messages
from elonara.api.hosting import event_hosts, members
from elonara.api.openapi import ElonaraAPI

api = ElonaraAPI(
    title="Elonara",
    version="1",
    description="Events, communities and invitations. Errors are problem+json with a stable `code`.",
    auth=Bearer(),
    urls_namespace="api",
)
problems.install(api)
api.add_router("", me.router)
api.add_router("", people.router)
api.add_router("/events", events.router)
api.add_router("/events", event_hosts.router)
api.add_router("/events", answers.router)
api.add_router("/events", listing.router)
api.add_router("", messages.router)
api.add_router("/communities", communities.router)
api.add_router("/communities", members.router)
api.add_router("/invitations", invitations.router)


def _with_problem_405(view: Callable[..., Any]) -> Callable[..., Any]:
    """Replaces ninja's plain-text 405 with a problem response."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = view(request, *args, **kwargs)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        sentence = _("This address does not accept {method}.").format(method=request.method)
        problem = problems.render(405, "method_not_allowed", sentence)
        problem["Allow"] = response["Allow"]
        return problem

    return wrapped


@csrf_exempt
def _not_found(request: HttpRequest) -> HttpResponse:
    return problems.render(404, "not_found", _("This call does not exist. /api/v1/docs lists them all."))


def _patterns() -> list[URLPattern | URLResolver]:
    patterns = api.urls[0]
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = _with_problem_405(pattern.callback)
    to_docs = RedirectView.as_view(pattern_name="api:openapi-view")
    return [path("", to_docs), *patterns, re_path("", _not_found)]


app_name = "api"
urlpatterns = _patterns()
