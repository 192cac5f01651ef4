"""`/tokens`, `/me` and the people the caller knows on Bluesky."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from allauth.account.adapter import get_adapter
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import get_user
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from ninja import Query, Router, Schema
from pydantic import Field, SecretStr

from elonara.api import targets, tokens
from elonara.api.auth import caller
from elonara.api.problems import Problem
from elonara.bluesky.factory import BlueskyAgentFactory
from elonara.bluesky.graph import BlueskyGraphService, GraphPage
from elonara.bluesky.oauth_service import BlueskyOAuthService
from elonara.invitations import queries
from elonara.members.models import Member

router = Router(tags=["you"])


class Credentials(Schema):
    """What a member signs in with on this site. Left out: the signed-in session speaks, with its CSRF token."""

    username: str = Field(max_length=150)
    password: SecretStr = Field(max_length=1000)


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


class PersonOut(Schema):
    """Somebody the caller knows. `reason` is a stable code where `invitable` is false."""

    did: str
    handle: str
    display_name: str
    avatar: str
    mutual: bool
    invitable: bool
    reason: str | None


class People(Schema):
    """One page. No `cursor`: that was the last one. Pages can be short or empty before it."""

    people: list[PersonOut]
    cursor: str | None


class PeopleQuery(Schema):
    """`q` searches names and handles; `event` or `community` (slugs) makes `invitable` speak of that target."""

    q: str = Field("", max_length=100)
    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=100)
    event: str = Field("", max_length=80)
    community: str = Field("", max_length=80)


@router.post("/tokens", auth=None, response={201: Token}, summary="Get an Elonara token")
def create_token(request: HttpRequest, payload: Credentials | None = None) -> Any:
    """With username and password, or from a signed-in browser session with its CSRF token."""
    member = _by_password(request, payload) if payload else _by_session(request)
    if member.standing != Member.Standing.ACTIVE:
        raise Problem(403, "not_active", "This account waits for the operator's approval, or is suspended.")
    return 201, tokens.issue(member)


def _by_password(request: HttpRequest, given: Credentials) -> Member:
    credentials = {"username": given.username, "password": given.password.get_secret_value()}
    try:
        # allauth's adapter counts failures per account and address, as on the sign-in page.
        member = get_adapter().authenticate(request, **credentials)
    except ValidationError as fault:
        raise Problem(429, "too_many_attempts", "Too many failed attempts. Wait a few minutes.") from fault
    if not isinstance(member, Member) or not member.is_active:
        raise Problem(401, "wrong_credentials", "The username or the password is wrong.")
    if is_mfa_enabled(member):
        raise Problem(
            403, "mfa_required", "A second factor guards this account: sign in on the site and get a token there."
        )
    return member


def _by_session(request: HttpRequest) -> Member:
    member = get_user(request)
    if not isinstance(member, Member):
        raise Problem(401, "unauthorized", "Send a username and a password, or sign in on the site first.")
    # ninja exempts its views from CSRF; here the cookie speaks, so the token must be there.
    if CsrfViewMiddleware(lambda _request: None).process_view(request, None, (), {}) is not None:  # type: ignore[arg-type,return-value]
        raise Problem(403, "csrf_failed", "The request does not carry the session's CSRF token (X-CSRFToken).")
    return member


@router.get("/me", response=Me, summary="Who am I?")
def me(request: HttpRequest) -> Any:
    """The caller and the state of their Bluesky connection."""
    member = caller(request)
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    if identity is None:
        return {"member_id": member.pk, "username": member.username, "bluesky": None}
    readiness = BlueskyAgentFactory.make().readiness(member.pk)
    return {
        "member_id": member.pk,
        "username": member.username,
        "bluesky": {
            "connected": BlueskyOAuthService().is_connected(member.pk),
            "did": identity.did,
            "handle": identity.handle,
            "scope": identity.scope,
            "expires_at": identity.expires_at,
            "state": identity.state,
            "can_write": readiness.can_post,
            "write_backend": readiness.backend,
        },
    }


@router.get("/me/bluesky/followers", response=People, summary="Who follows me on Bluesky?")
def followers(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """Newest first."""
    return _people(caller(request), "followers", params)


@router.get("/me/bluesky/follows", response=People, summary="Whom do I follow on Bluesky?")
def follows(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """Newest first."""
    return _people(caller(request), "follows", params)


@router.post("/me/bluesky/sync", response={200: dict[str, Any]}, summary="Read my people again")
def sync(request: HttpRequest) -> Any:
    """Forget what was kept of the graph, so that the next look reads it from Bluesky."""
    read = BlueskyGraphService().forget(caller(request).pk)
    return {"forgotten": read}


def _people(member: Member, side: Literal["followers", "follows"], params: PeopleQuery) -> dict[str, Any]:
    graph = BlueskyGraphService()
    target = targets.find(member, event=params.event, community=params.community)
    if params.q:
        found = graph.search(member.pk, params.q, limit=params.limit)
        wanted = [person for person in found if (person.follows_you if side == "followers" else person.you_follow)]
        page = GraphPage(wanted, None)
    elif side == "followers":
        page = graph.get_followers(member.pk, params.cursor, limit=params.limit)
    else:
        page = graph.get_follows(member.pk, params.cursor, limit=params.limit)
    reasons = queries.invitability(member, target, page.people)
    return {
        "people": [
            {
                "did": person.did,
                "handle": person.handle,
                "display_name": person.display_name,
                "avatar": person.avatar,
                "mutual": person.mutual,
                "invitable": reasons.get(person.did) is None,
                "reason": reasons.get(person.did),
            }
            for person in page.people
        ],
        "cursor": page.cursor,
    }
