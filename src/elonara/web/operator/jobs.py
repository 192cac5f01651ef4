"""The operator's jobs page about everything that the site sends, and the metrics for Prometheus."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from elonara.bluesky import rate_budgets
from elonara.bluesky.models import AccountLane
from elonara.housekeeping import metrics, outgoing_email
from elonara.housekeeping.overview import overview
from elonara.invitations.actions import resume_sending
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.results import InvitationRefused
from elonara.mail import pausing
from elonara.members import audit
from elonara.members.models import Member


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """GET: the state of deliveries. POST: end the pause of a host, an account, a server or all e-mail."""
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied
    if request.method == "POST":
        try:
            messages.success(request, _resume(request))
        except InvitationRefused as fault:
            messages.error(request, f"{fault.sentence} {fault.way_on}".strip())
        return HttpResponseRedirect(request.path)
    context = {**admin.site.each_context(request), "title": _("Jobs"), "seen": overview()}
    if context["seen"].mail_pause is not None:
        context["mail_pause_says"], context["mail_pause_fix"] = pausing.sentences(context["seen"].mail_pause)
    return render(request, "admin/jobs.html", context)


def _resume(request: HttpRequest) -> str:
    """End the pause that the form names; returns the sentence that confirms it."""
    what, which = request.POST.get("what"), request.POST.get("which", "")
    if not isinstance(request.user, Member):
        raise PermissionDenied
    if what == "host" and which.isdecimal():
        host = get_object_or_404(Member, pk=which)
        resume_sending(host, request.user)
        return _("{name} may send again.").format(name=host.name)
    if what == "server":
        rate_budgets.resume(which)
        audit.record(request.user, "server_resumed", which)
        return _("{server} is asked again.").format(server=which)
    if what == "account":
        AccountLane.objects.filter(author_did=which).update(paused_until=None, next_at=None, pause_reason="")
        wake_lane(which)
        audit.record(request.user, "account_resumed", which)
        return _("The account continues.")
    if what == "mail":
        outgoing_email.try_now(request.user)
        return _("The mail server is asked again.")
    raise Http404


@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """The metrics, for requests with the configured bearer token; 404 for all others, so that the page stays hidden."""
    token = settings.ELONARA.metrics.token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        raise Http404
    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)
