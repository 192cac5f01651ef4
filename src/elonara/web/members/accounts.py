"""Sign-in with Bluesky through allauth's login flow, and the first operator's account."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.events.guests import adoption
from elonara.members import actions as members
from elonara.members import queries
from elonara.members.errors import Invalid, LinkRefused
from elonara.members.models import Member
from elonara.web.members.forms import OperatorForm
from elonara.web.proofs import end_offer, end_permission, forget
from elonara.web.shortcuts import add_form_errors, show_message


def display(member: Member) -> str:
    """The name of a member on allauth's pages and in its e-mails."""
    return member.name


def sign_in(request: HttpRequest, identity: MemberIdentity, back: str) -> HttpResponse:
    """Sign in the member of a proved DID.

    allauth's flow asks for a second factor, cycles the session key and refuses suspended members.
    """
    adopt(identity.member, identity.bsky_did)
    # `login()` needs to know the backend, and Django sets it only in `authenticate()`, which is not called here.
    identity.member.backend = "django.contrib.auth.backends.ModelBackend"
    record_authentication(request, identity.member, method="bluesky", did=identity.bsky_did)
    response: HttpResponse = perform_login(request, identity.member, email_verification="none", redirect_url=back)
    return response


def adopt(member: Member, did: str) -> None:
    """Move answers and memberships that were made with a proof of `did` alone to the member."""
    # Called at every connect and sign-in, mostly with nothing to move: two cheap queries find out.
    if adoption.has_unadopted(member, did) or communities.has_unadopted(member, did):
        adoption.adopt(member, did)
        communities.adopt(member, did)


@receiver(user_logged_in)
def keep_own_proof(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """Delete the proofs of this browser at sign-in, except the one of the member's own account."""
    if request is not None and hasattr(request, "session"):
        identity = MemberIdentity.objects.filter(member_id=user.pk).first()
        forget(request, keep=identity.bsky_did if identity else "")
        # Whoever signs in now may be somebody else: she links the account at most, and gets no permission over it.
        end_permission(request)
        # A member without a Bluesky account keeps the offer to link one: that page names the account and asks first.
        if identity is not None:
            end_offer(request)


@never_cache
def first_run(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time link of a new site: create the operator's account and sign in."""
    if not queries.link_is_good(token):
        return render(request, "members/link_refused.html", {"has_operator": queries.has_operator()}, status=404)
    form = OperatorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            operator = members.claim_first_operator(
                token,
                values["username"],
                values["password"],
                email=values["email"],
                display_name=values["display_name"],
            )
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        except LinkRefused as fault:
            show_message(request, fault.sentence, "bad")
            return redirect("/accounts/login/")
        else:
            operator.backend = "django.contrib.auth.backends.ModelBackend"
            record_authentication(request, operator, method="password", username=operator.username)
            response: HttpResponse = perform_login(request, operator, email_verification="none", redirect_url="/")
            return response
    return render(request, "members/first_run.html", {"form": form})
