"""Reading what a token endpoint answered with status 200 (RFC 6749, section 5.1; AT Protocol OAuth)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from elonara.atproto.errors import MalformedResponse, MissingScope, NetworkError
from elonara.atproto.oauth.secret import Secret

if TYPE_CHECKING:
    from elonara.atproto.http import Response

MAX_TOKEN_LIFETIME_SECONDS = 3600  # seconds; the profile allows an access token an hour at most
DEFAULT_TOKEN_LIFETIME_SECONDS = 300  # where the server does not say
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,240}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True)
class Granted:
    """A token answer whose form is right. Whose it is, the caller must still check."""

    did: str
    access_token: Secret
    refresh_token: Secret
    scope: str
    expires_at: datetime

    def require_atproto(self) -> None:
        """Raise MissingScope unless the scope `atproto` was granted: without it `sub` proves nothing."""
        granted = self.scope.split()
        if "atproto" not in granted:
            raise MissingScope({"atproto"}, granted)


def read_grant(answer: Response, *, refresh_token: Secret | None = None) -> Granted:
    """The grant in `answer`. `refresh_token` is the one in use, which stays where the server names no other.

    Raises NetworkError, ambiguous, for an answer that is not by the profile: the server has done something, and
    what it gave cannot be used.
    """
    try:
        said = answer.json()
    except MalformedResponse as fault:
        raise _unusable("its answer is not JSON") from fault
    kind, access, sub, scope = (said.get(name) for name in ("token_type", "access_token", "sub", "scope"))
    if not isinstance(kind, str) or kind.lower() != "dpop":
        raise _unusable("the token is not bound to our key (token_type is not DPoP)")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise _unusable("it gave no access token")
    if not isinstance(sub, str) or not _DID.fullmatch(sub):
        raise _unusable("it does not say whose token it is (sub is not a DID)")
    renewed = said.get("refresh_token")
    if renewed is not None and (not isinstance(renewed, str) or not _TOKEN.fullmatch(renewed)):
        raise _unusable("its refresh token is malformed")
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        scope = ""
    life = said.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, (int, float)) or not life > 0:
        life = DEFAULT_TOKEN_LIFETIME_SECONDS
    return Granted(
        did=sub,
        access_token=Secret(access),
        refresh_token=Secret(renewed) if renewed else refresh_token or Secret(""),
        scope=scope,
        expires_at=datetime.now(UTC) + timedelta(seconds=min(life, MAX_TOKEN_LIFETIME_SECONDS)),
    )


def _unusable(why: str) -> NetworkError:
    return NetworkError(f"The authorization server granted something unusable: {why}.", ambiguous=True)
