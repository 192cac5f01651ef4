"""Somebody proved a Bluesky account that no member has: create an account, or add it to the member signed in now.

Who came to invite people has allowed more than her identity. That permission is kept only by the button that names it,
for the account that this page creates; every other way out of here revokes it.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache

from elonara.bluesky.connections import first_session
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.oauth import scopes
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, SignedIn
from elonara.members import actions as members
from elonara.members import queries as member_queries
from elonara.members.errors import RegistrationClosed
from elonara.members.models import Member
from elonara.web.authorization import failed
from elonara.web.members import fresh_proof
from elonara.web.members.accounts import adopt, sign_in
from elonara.web.proofs import browser_of, end_offer, end_permission, newcomer, offer_account
from elonara.web.shortcuts import member_of, safe_next, show_message

NOT_CONNECTED = gettext_noop(
    "The permission has expired, so Bluesky is not connected yet. You can connect it at any time."
)
PAGE = "/auth/bluesky/new"
# They may be open to the Bluesky account that a guest has proved, without an account here.
PAGES_FOR_GUESTS = re.compile(r"/(events|communities|i)/(?!create$)[-\w]+")
CONNECT = "connect"  # value of the button that keeps the permission, too


def offer(request: HttpRequest, outcome: SignedIn) -> HttpResponse:
    """Lead a visitor who proved an account that no member has to the page that offers one."""
    end_offer(request)  # one before this, in another tab
    waits = outcome.request_id
    if waits is not None and member_of(request) is not None:
        # She signed in as somebody else meanwhile: the account may be added, and no permission over it is kept.
        first_session.drop(str(waits), browser_of(request))
        waits = None
    offer_account(
        request,
        outcome.did,
        outcome.handle,
        outcome.display_name,
        back=outcome.next,
        request_id=str(waits or ""),
    )
    return redirect(PAGE)


@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """GET asks; POST creates the account, or links the DID to the member signed in now."""
    who, member = newcomer(request), member_of(request)
    if not who:
        return redirect("/accounts/login/")
    if request.method != "POST":
        return _question(request, who, member)
    if request.POST.get("did") != who["did"]:  # in another tab
        show_message(request, _("Another account was proved here meanwhile. Check which one this is."), "warn")
        return redirect(PAGE)
    return _answered(request, who, member)


def _question(request: HttpRequest, who: dict[str, Any], member: Member | None) -> HttpResponse:
    granted = first_session.allowed(who.get("request"), browser_of(request), who["did"])
    context = {
        "who": who,
        "member": member,
        "allowed": scopes.in_words(granted),
        "may_post": scopes.can_write(granted),
        "guests_may_open": bool(PAGES_FOR_GUESTS.fullmatch(who["next"])),
        "open": member_queries.registration_is_open(),
        "registration": member_queries.registration_sentence(),
    }
    return render(request, "bluesky/newcomer.html", context)


def _answered(request: HttpRequest, who: dict[str, Any], member: Member | None) -> HttpResponse:
    if member is not None:
        fresh_proof.require_for_a_first_account(request)
    try:
        # One transaction: nobody could ever sign in to a member who was created without the identity.
        with transaction.atomic():
            joining = member or members.member_for_new_did(who["did"], who["handle"], who["name"])
            identity = BlueskyOAuthService().link_sign_in(joining, who["did"], who["handle"], who["name"])
    except RegistrationClosed as fault:
        end_permission(request)
        show_message(request, fault.sentence, "bad")
        return redirect(PAGE)
    except AuthorizationFailed as fault:
        end_offer(request)
        return failed(request, fault)
    back = safe_next(request, who.get("next"))
    wanted = member is None and who.get("request") and request.POST.get("act") == CONNECT
    kept = _keep_session(request, who, joining) if wanted else False
    end_offer(request)
    if member is None:
        if joining.standing == Member.Standing.ACTIVE:  # else the page says what the account waits for
            ready = _("Your account is ready, and connected to Bluesky.") if kept else _("Your account is ready.")
            show_message(request, ready)
        return sign_in(request, identity, back)
    adopt(member, who["did"])
    sentence = _("@{handle} is yours here now. You can sign in with it.")
    show_message(request, sentence.format(handle=who["handle"]))
    return redirect(back)


def _keep_session(request: HttpRequest, who: dict[str, Any], member: Member) -> bool:
    """Keep the permission that waits, for the account that was created a moment ago. Says why where it is not kept."""
    try:
        first_session.confirm(who["request"], browser_of(request), member, who["did"])
    except AuthorizationFailed as fault:
        show_message(request, fault.sentence if fault.reason != "expired" else _(NOT_CONNECTED), "warn")
        return False
    return True
