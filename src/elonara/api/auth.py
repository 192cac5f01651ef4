"""Who calls: a bearer token, and nothing else, so that no foreign page can use a signed-in browser."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from elonara.api.tokens import BadToken, member_of
from elonara.members.models import Member


class Bearer(HttpBearer):
    """`Authorization: Bearer <Elonara token>`."""

    def authenticate(self, request: HttpRequest, token: str) -> Member | None:  # noqa: ARG002 - ninja's signature
        """The member, or None for 401."""
        try:
            return member_of(token)
        except BadToken:
            return None


def caller(request: HttpRequest) -> Member:
    """The member who calls; only behind `Bearer`, which put it there."""
    return cast("Member", request.auth)  # type: ignore[attr-defined]
