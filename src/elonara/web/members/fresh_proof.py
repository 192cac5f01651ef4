"""Changes to how a member signs in: they ask who is at the keyboard, however long the session has lasted.

Who has taken over a browser session, or its cookie, could otherwise stay for good: by a password, by an address for
"forgot the password", or by a Bluesky account of their own. allauth asks before its own changes to addresses and second
factors (`members.sign_in.adapter` says whom and for what); this module asks before the others.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.signals import authentication_step_completed, user_signed_up
from allauth.account.views import password_set
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, Verified
from elonara.members.models import Member
from elonara.members.sign_in.adapter import proved_recently
from elonara.web.authorization import RedirectToServer, failed
from elonara.web.concurrency import limits_visitor_named_servers
from elonara.web.proofs import browser_of
from elonara.web.shortcuts import members_only, safe_next, show_message, the_member

SIGNING_IN = "/profile/edit?tab=signin"
RECORDS_KEPT = 4  # a session's newest proofs: allauth would keep each that was ever given


def require(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired, on which `web.middleware` asks, unless she has shown a moment ago who she is."""
    raise_if_reauthentication_required(request, app="elonara")


def require_for_a_first_account(request: HttpRequest) -> None:
    """`require`, before a Bluesky account becomes a member's new way to sign in. Another can never follow."""
    # The session knows the first at no cost, and mostly she has just signed in; the second costs a query.
    if not proved_recently(request) and not BlueskyOAuthService().get_identity_for_member(the_member(request).pk):
        require(request)


def required[View: Any](view: View) -> View:
    """Ask before a page is shown, and before its form is taken."""

    @members_only
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(request)
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, guarded)


set_password = required(password_set)


@never_cache
@members_only
@limits_visitor_named_servers
def verify(request: HttpRequest) -> HttpResponse:
    """The page that sends a member to her Bluesky server, to sign in there anew."""
    member, back = the_member(request), safe_next(request, request.GET.get("next"), SIGNING_IN)
    if request.method != "POST":
        identity = BlueskyOAuthService().get_identity_for_member(member.pk)
        return render(request, "bluesky/verify.html", {"identity": identity})
    try:
        return RedirectToServer(request, BlueskyOAuthService().verify(member, browser_of(request), back))
    except AuthorizationFailed as fault:
        return failed(request, fault)


def verified(request: HttpRequest, outcome: Verified) -> HttpResponse:
    """Back from there: keep that the member in this browser has shown who she is."""
    member = the_member(request)
    if not request.user.is_authenticated or member.pk != outcome.member_id:
        show_message(request, _("You have been signed out. Sign in again."), "warn")
        return redirect("/accounts/login/")
    record_authentication(request, member, method="bluesky", did=outcome.did, reauthenticated=True)
    return redirect(safe_next(request, outcome.next, SIGNING_IN))


@receiver(user_signed_up)
def chose_a_password(request: HttpRequest, user: Member, **_rest: Any) -> None:
    """Who has just made an account with a password has shown enough, as at a sign-in."""
    record_authentication(request, user, method="password", username=user.username)


@receiver(authentication_step_completed)
def keep_the_newest(request: HttpRequest, **_rest: Any) -> None:
    """Bound what repeated proofs add to a session."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    if len(records) > RECORDS_KEPT:
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records[-RECORDS_KEPT:]
