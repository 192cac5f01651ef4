"""Validates the success response of a token endpoint (RFC 6749, section 5.1; AT Protocol OAuth)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from elonara.atproto.errors import MalformedResponse, MissingScope, NetworkError
from elonara.atproto.oauth.authorization import TokenSet
from elonara.atproto.oauth.secret import Secret

if TYPE_CHECKING:
    from elonara.atproto.http import Response
    from elonara.atproto.identity import Identity

MAX_TOKEN_LIFETIME_SECONDS = 3600  # the AT Protocol profile allows access tokens an hour at most
DEFAULT_TOKEN_LIFETIME_SECONDS = 300  # where the response has no `expires_in`
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,240}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True)
class Granted:
    """A well-formed token response. The caller must still check whose account it is for."""

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

    def tokens(self, identity: Identity, issuer: str) -> TokenSet:
        """The tokens, once the caller has checked that they are for `identity`."""
        return TokenSet(
            did=identity.did,
            handle=identity.handle,
            pds_url=identity.pds_url,
            issuer=issuer,
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            scope=self.scope,
            expires_at=self.expires_at,
        )


def read_grant(response: Response, *, refresh_token: Secret | None = None) -> Granted:
    """The grant in `response`. `refresh_token` is the current one, which stays where the server returns no other.

    Raises NetworkError for a response that violates the profile. It is ambiguous: the server has issued tokens, perhaps
    for a refresh token that is used up now, but we cannot use them.
    """
    try:
        payload = response.json()
    except MalformedResponse as fault:
        raise _unusable("its answer is not JSON") from fault
    kind, access, sub, scope = (payload.get(name) for name in ("token_type", "access_token", "sub", "scope"))
    if not isinstance(kind, str) or kind.lower() != "dpop":
        raise _unusable("the token is not bound to our key (token_type is not DPoP)")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise _unusable("it gave no access token")
    if not isinstance(sub, str) or not _DID.fullmatch(sub):
        raise _unusable("it does not say whose token it is (sub is not a DID)")
    renewed = payload.get("refresh_token")
    if renewed is not None and (not isinstance(renewed, str) or not _TOKEN.fullmatch(renewed)):
        raise _unusable("its refresh token is malformed")
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        scope = ""
    lifetime = payload.get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not lifetime > 0:
        lifetime = DEFAULT_TOKEN_LIFETIME_SECONDS
    return Granted(
        did=sub,
        access_token=Secret(access),
        refresh_token=Secret(renewed) if renewed else refresh_token or Secret(""),
        scope=scope,
        expires_at=datetime.now(UTC) + timedelta(seconds=min(lifetime, MAX_TOKEN_LIFETIME_SECONDS)),
    )


def _unusable(why: str) -> NetworkError:
    return NetworkError(f"The authorization server granted something unusable: {why}.", ambiguous=True)
