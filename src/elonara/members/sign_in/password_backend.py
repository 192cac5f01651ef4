"""Signing in with a password: one backend decides, and hashes the password once.

Hashing costs half a second of CPU on purpose. Django asks every backend in turn, so a wrong password was hashed by each
of them.
"""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from elonara.members.models import Member


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """allauth's backend, whose "no" is final. Sessions made by other backends stay valid."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Member | None:
        """The member of a username or address and a password. Raises PermissionDenied, which ends Django's search."""
        self._refused: set[int] = set()
        member: Member | None = super().authenticate(request, **credentials)
        if member is None and credentials.get("password"):
            raise PermissionDenied
        return member

    def _check_password(self, user: Member | None, password: str) -> Member | None:
        # allauth asks for the same member by username and by address.
        if user is None or user.pk in self._refused:
            return None
        self._refused.add(user.pk)
        member: Member | None = super()._check_password(user, password)
        return member
