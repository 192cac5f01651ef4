"""Access tokens of the API: JWTs (RFC 7519, in the profile of RFC 9068).

A token authenticates a member of this site. It contains no Bluesky token: those never leave the server. It expires
after an hour, and becomes invalid at once when the member's password changes, `token_epoch` is raised, or the member
may no longer sign in.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.crypto import salted_hmac
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.members.models import Member
from elonara.members.queries import may_sign_in

TOKEN_LIFETIME_SECONDS = 3600
FRESH_SECONDS = 600  # as ACCOUNT_REAUTHENTICATION_TIMEOUT in `config.settings`
AUDIENCE = "elonara-api"
TYPE = "at+jwt"


class BadToken(Exception):
    """The token was not issued by this site, or is no longer valid."""


@dataclass(frozen=True)
class Issued:
    """A new token and its lifetime in seconds (the response of RFC 6749, section 5.1)."""

    access_token: str = field(repr=False)
    expires_in: int = TOKEN_LIFETIME_SECONDS
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name


@lru_cache(maxsize=4)
def _key(secret: str) -> OctKey:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"elonara api tokens v1").derive(secret.encode())
    return OctKey.import_key(derived)


def issue(member: Member, authenticated_at: float = 0) -> Issued:
    """A new token for a member. `authenticated_at`: when she last showed who she is (POSIX seconds, 0: not known)."""
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    now = int(time.time())
    claims = {
        "iss": settings.ELONARA.site.url,
        "aud": AUDIENCE,
        "sub": str(member.pk),
        "client_id": AUDIENCE,
        "iat": now,
        "exp": now + TOKEN_LIFETIME_SECONDS,
        "auth_time": int(authenticated_at),
        "jti": secrets.token_urlsafe(12),
        "epoch": member.token_epoch,
        "auth": _fingerprint(member),
        "member_id": member.pk,
        "bsky_did": identity.did if identity else None,
        "permissions": ["operate", "act"] if member.is_superuser else ["act"],
    }
    key = _key(settings.SECRET_KEY)
    return Issued(jwt.encode({"alg": "HS256", "typ": TYPE}, claims, key, algorithms=["HS256"]))


def was_fresh(token: str) -> bool:
    """Whether the owner of this valid token showed who she is less than `FRESH_SECONDS` ago, as pages ask it."""
    decoded = jwt.decode(token, _key(settings.SECRET_KEY), algorithms=["HS256"])
    return time.time() - int(decoded.claims.get("auth_time", 0)) < FRESH_SECONDS


def member_of(token: str) -> Member:
    """The member a token was issued to. Raises BadToken."""
    try:
        decoded = jwt.decode(token, _key(settings.SECRET_KEY), algorithms=["HS256"])
        JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": settings.ELONARA.site.url},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(decoded.claims)
        member_id = int(decoded.claims["sub"])
    except (JoseError, ValueError, TypeError) as fault:
        raise BadToken("not a valid token") from fault
    if decoded.header.get("typ") != TYPE:
        raise BadToken("not a token for the API")
    member = Member.objects.filter(pk=member_id).first()
    if member is None or not may_sign_in(member):
        raise BadToken("the member may not act")
    if decoded.claims.get("epoch") != member.token_epoch or decoded.claims.get("auth") != _fingerprint(member):
        raise BadToken("the token was ended")
    return member


def _fingerprint(member: Member) -> str:
    """A value that changes with the password hash, so that a new password invalidates old tokens."""
    return salted_hmac("elonara.api.tokens", f"{member.pk}:{member.password}", algorithm="sha256").hexdigest()[:16]
