"""`/tokens`: get a bearer token; `/me`: the caller and their Bluesky connection."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Annotated, Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from ninja.utils import check_csrf
from pydantic import BeforeValidator, Field, SecretStr

from elonara.api import tokens
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS
from elonara.api.problems import Problem
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.members.models import Member
from elonara.members.queries import may_sign_in
from elonara.personal_data import actions

log = logging.getLogger(__name__)

router = Router(tags=["you"])


class Credentials(Schema):
    """What a member signs in with on this site. Left out: the signed-in session speaks, with its CSRF token."""

    username: str = Field(max_length=254, pattern=NO_CONTROLS, description="or the e-mail address")
    password: SecretStr = Field(max_length=1000)


def _or_nothing(schema: dict[str, Any]) -> None:
    schema["anyOf"].append({"type": "object", "maxProperties": 0})


# An empty object says as little as no body.
MaybeCredentials = Annotated[
    Credentials | None, BeforeValidator(lambda given: given or None), Field(json_schema_extra=_or_nothing)
]


class Token(Schema):
    """A bearer token (RFC 6750). `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int


class BlueskyState(Schema):
    """The caller's connection. `expires_at` is the access token's; `write_backend` is "" where nothing can post."""

    connected: bool
    did: str
    handle: str
    scope: str
    expires_at: dt.datetime | None
    state: str
    can_write: bool
    write_backend: str


class Me(Schema):
    """The caller."""

    member_id: int
    username: str
    bluesky: BlueskyState | None


@router.post("/tokens", auth=None, response={201: Token}, summary="Get an Elonara token")
def create_token(request: HttpRequest, payload: MaybeCredentials = None) -> Any:
    """With username and password, or from a signed-in browser session with its CSRF token."""
    member = _by_password(request, payload) if payload else _by_session(request)
    if not may_sign_in(member):
        raise Problem(403, "suspended", _("This account is suspended. Write to the operator of the site."))
    shown_at = time.time() if payload else _signed_in_at(request)
    log.info("a token for member %s, by %s", member.pk, "password" if payload else "session")
    return Status(201, tokens.issue(member, shown_at))


def _by_password(request: HttpRequest, given: Credentials) -> Member:
    credentials = {"username": given.username, "password": given.password.get_secret_value()}
    try:
        # allauth's adapter limits failed attempts per account and IP address, as on the sign-in page.
        member = get_adapter().authenticate(request, **credentials)
    except ValidationError as fault:
        raise Problem(429, "too_many_attempts", _("Too many failed attempts. Wait a few minutes.")) from fault
    if not isinstance(member, Member) or not member.is_active:
        raise Problem(401, "wrong_credentials", _("The username or the password is wrong."))
    if is_mfa_enabled(member):
        sentence = _("This account has a second factor: sign in on the site and get a token there.")
        raise Problem(403, "mfa_required", sentence)
    return member


def _by_session(request: HttpRequest) -> Member:
    if not isinstance(request.user, Member):
        raise Problem(401, "unauthorized", _("Send a username and a password, or sign in on the site first."))
    # ninja exempts its views from CSRF checks, but this one authenticates by the session cookie.
    if check_csrf(request) is not None:
        sentence = _("The request does not carry the session's CSRF token (X-CSRFToken).")
        raise Problem(403, "csrf_failed", sentence)
    return request.user


def _signed_in_at(request: HttpRequest) -> float:
    """When this browser last signed in, or showed again who is at it (POSIX seconds)."""
    records = get_authentication_records(request, request.user)
    return float(records[-1]["at"]) if records else 0.0


@router.get("/me/export", response=dict[str, Any], summary="Everything the site keeps about you")
def export_data(request: HttpRequest) -> Any:
    """For a token of somebody who signed in less than ten minutes before (403 `fresh_token_needed`)."""
    member = caller(request)
    if not tokens.was_fresh(request.headers["Authorization"].split()[-1]):
        sentence = _("Get a new token with your password, or sign in again, and repeat the call.")
        raise Problem(403, "fresh_token_needed", sentence)
    return JsonResponse(actions.export_of(member), headers={"Cache-Control": "no-store"})


@router.get("/me", response=Me, summary="Who am I?")
def me(request: HttpRequest) -> Any:
    """The caller and the state of their Bluesky connection."""
    member = caller(request)
    return {"member_id": member.pk, "username": member.username, "bluesky": _bluesky(member)}


def _bluesky(member: Member) -> dict[str, Any] | None:
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    if identity is None:
        return None
    readiness = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    return {
        "connected": identity.connected,
        "did": identity.did,
        "handle": identity.handle,
        "scope": identity.scope,
        "expires_at": identity.expires_at,
        "state": identity.state,
        "can_write": readiness.can_post,
        "write_backend": readiness.backend,
    }
