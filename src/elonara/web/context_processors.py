"""Template context of every page."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from elonara.bluesky.connections import first_session
from elonara.bluesky.writing.factory import left_to_post
from elonara.invitations import queries as invitations
from elonara.members.models import Member
from elonara.members.queries import registration_is_open
from elonara.members.registration import WAITING
from elonara.web.proofs import guest_of, proofs
from elonara.web.shortcuts import member_of, options

THEME_COOKIE = "theme"
SECTIONS = {"/events": "events", "/communities": "communities", "/invitations": "inbox", "/i/": "inbox"}

# URLs that contain a secret token: no page repeats them, for example as the place to return to.
TOKEN_PATHS = ("/first-run/", "/rsvp/", "/accounts/confirm-email/", "/accounts/password/reset/key/")


def theme_of(request: HttpRequest) -> str:
    """`system`, `light` or `dark`: the member's setting, else the one in this browser's cookie."""
    member = member_of(request) if hasattr(request, "user") else None
    chosen = member.theme if member else request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in Member.Theme.values else Member.Theme.SYSTEM


def _waiting_invitations(request: HttpRequest) -> int:
    return invitations.waiting_in_inbox(list(proofs(request)))


def _standing_notice(request: HttpRequest) -> str:
    member = member_of(request) if hasattr(request, "user") else None
    if member is None or member.standing != Member.Standing.PENDING:
        return ""
    return _(WAITING).format(site=options().site.name)


def site(request: HttpRequest) -> dict[str, Any]:
    """Site name, theme, section, the path to return to, and the number of invitations (queried only where shown)."""
    section = next((name for start, name in SECTIONS.items() if request.path.startswith(start)), "")
    return {
        "site_name": options().site.name,
        "theme": theme_of(request),
        "here": "" if request.path.startswith(TOKEN_PATHS) else request.get_full_path(),
        "section": section,
        "standing_notice": _standing_notice(request),
        "guest": SimpleLazyObject(lambda: guest_of(request) if hasattr(request, "user") else None),
        "sends_email": bool(options().email.url),  # a page of a site without a mail server promises no e-mail
        "registration_open": registration_is_open(),
        "invites_at_sign_in": first_session.is_offered(),
        "left_to_post": left_to_post(),
        # Called by the template, so that it has a number: the plural of some languages divides it.
        "waiting_invitations": cache(lambda: _waiting_invitations(request)),
    }
