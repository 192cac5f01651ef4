"""What every template knows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from elonara.invitations import queries as invitations
from elonara.members.models import Member
from elonara.members.registration import WAITING
from elonara.web.proofs import proofs
from elonara.web.shortcuts import member_of, options

THEME_COOKIE = "theme"
SECTIONS = {"/events": "events", "/communities": "communities", "/invitations": "inbox", "/i/": "inbox"}

# Addresses that are keys themselves: no page repeats them.
KEYS = ("/first-run/", "/rsvp/", "/accounts/confirm-email/", "/accounts/password/reset/key/")


def theme_of(request: HttpRequest) -> str:
    """`system`, `light` or `dark`: what the member keeps, else what this browser does."""
    member = member_of(request) if hasattr(request, "user") else None
    chosen = member.theme if member else request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in Member.Theme.values else Member.Theme.SYSTEM


def _waiting(request: HttpRequest) -> int:
    found = proofs(request)
    return invitations.waiting_in_inbox(list(found))


def _standing(request: HttpRequest) -> str:
    member = member_of(request) if hasattr(request, "user") else None
    if member is None or member.standing != Member.Standing.PENDING:
        return ""
    return WAITING.format(site=options().site.name)


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's name, the colours, where we are, and how many invitations wait (asked only where it is shown)."""
    section = next((name for start, name in SECTIONS.items() if request.path.startswith(start)), "")
    return {
        "site_name": options().site.name,
        "theme": theme_of(request),
        "here": "" if request.path.startswith(KEYS) else request.get_full_path(),
        "section": section,
        "standing_notice": _standing(request),
        "waiting_invitations": SimpleLazyObject(lambda: _waiting(request)),
    }
