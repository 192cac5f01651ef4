"""Authentication of API calls: by bearer token only. Session cookies do not count, so the API needs no CSRF check."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from elonara.api.tokens import BadToken, member_of
from elonara.members.models import Member


class Bearer(HttpBearer):
    """`Authorization: Bearer <Elonara token>`."""

    def authenticate(self, request: HttpRequest, token: str) -> Member | None:  # noqa: ARG002 - ninja's signature
        """The member of a valid token; None, and so 401, otherwise."""
        try:
            return member_of(token)
        except BadToken:
            return None


def caller(request: HttpRequest) -> Member:
    """The authenticated member. Only for views behind `Bearer`, which sets `request.auth`."""
    return cast("Member", request.auth)  # type: ignore[attr-defined]
