"""The site as an OAuth client: its metadata document and its authentication (AT Protocol OAuth, "Clients")."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from elonara.atproto.errors import OAuthError
from elonara.atproto.oauth.jose import SigningKey, new_jti

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
# Servers refuse an assertion whose `iat` is in their future at all, or more than a minute old.
BACKDATED_SECONDS = 15


class KeyGone(OAuthError):
    """The assertion key that this session began with is no longer kept. Nothing was sent."""

    def __init__(self) -> None:
        super().__init__("invalid_client", "The key that this session began with is gone; connect again.")


class OAuthClientIdentity(Protocol):
    """The client that `OAuthClient` acts for."""

    @property
    def client_id(self) -> str:
        """The client id, a URL."""
        ...

    @property
    def redirect_uri(self) -> str:
        """The URL that the authorization server redirects the browser to."""
        ...

    @property
    def scope(self) -> str:
        """Every scope that the client declares, separated by spaces."""
        ...

    @property
    def kid(self) -> str:
        """The id of the assertion key for new sessions; "" for a public client."""
        ...

    @property
    def auth_method(self) -> str:
        """The token endpoint authentication method: `none` or `private_key_jwt`."""
        ...

    def asking(self, scope: str) -> OAuthClientIdentity | None:
        """The client that declares this scope: itself, or the same one by another id. None: it is not declared."""
        ...

    def known_as(self, client_id: str) -> OAuthClientIdentity | None:
        """The client with this id: itself, or the same one by another id. None: that is another client."""
        ...

    def metadata(self) -> dict[str, Any]:
        """The client metadata document."""
        ...

    def auth_params(self, aud: str, kid: str, now: float | None = None) -> dict[str, str]:
        """The form parameters that authenticate one attempt of one request to the issuer `aud`.

        `now` is that server's time in seconds since 1970 (see `clocks`), by default this machine's.
        """
        ...


class LoopbackClient:
    """A public client for development: its id is `http://localhost` with its metadata in the query. It has no keys.

    `redirect_uri` must be `http://127.0.0.1[:port]/…` (or `[::1]`), since servers refuse `localhost` there; raises
    ValueError otherwise. Sessions of public clients last two weeks at most.

    The id names what the client declares. So `others`, which are asked for instead of `scope` where a server does not
    know that, have an id each, and sessions go on by the id that they began with.
    """

    kid = ""
    auth_method = "none"

    def __init__(self, redirect_uri: str, scope: str, *others: str) -> None:
        parts = urlsplit(redirect_uri)
        if parts.scheme != "http" or not _is_loopback_ip(parts.hostname):
            raise ValueError("the redirect URI of a loopback client begins with http://127.0.0.1")
        self.redirect_uri, self.scope = redirect_uri, scope
        query = urlencode({"redirect_uri": redirect_uri, "scope": scope}, quote_via=quote)
        self.client_id = f"http://localhost?{query}"
        self._others = [LoopbackClient(redirect_uri, other) for other in others]

    def asking(self, scope: str) -> LoopbackClient | None:
        """See `OAuthClientIdentity`."""
        return next((one for one in (self, *self._others) if set(scope.split()) <= set(one.scope.split())), None)

    def known_as(self, client_id: str) -> LoopbackClient | None:
        """See `OAuthClientIdentity`."""
        return next((one for one in (self, *self._others) if one.client_id == client_id), None)

    def metadata(self) -> dict[str, Any]:
        """The document that servers derive from the client id by themselves."""
        return {
            "client_id": self.client_id,
            "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [self.redirect_uri],
            "scope": self.scope,
            "token_endpoint_auth_method": self.auth_method,
            "dpop_bound_access_tokens": True,
        }

    def auth_params(self, aud: str, kid: str, now: float | None = None) -> dict[str, str]:  # noqa: ARG002
        """`client_id` alone: a public client does not authenticate."""
        return {"client_id": self.client_id}


class ClientAssertionKey(SigningKey):
    """A client authentication key (`private_key_jwt`). Servers refuse one that is used for DPoP too."""

    @property
    def kid(self) -> str:
        """The key's id in the JWKS: its RFC 7638 thumbprint."""
        return self.thumbprint


class Keyring:
    """The client's assertion keys. The first is for new sessions; the others stay while a session still needs them."""

    def __init__(self, keys: Iterable[ClientAssertionKey]) -> None:
        self._keys = {key.kid: key for key in keys}
        if not self._keys:
            raise ValueError("a confidential client needs at least one key")

    @property
    def current(self) -> ClientAssertionKey:
        """The key for new sessions."""
        return next(iter(self._keys.values()))

    def get(self, kid: str) -> ClientAssertionKey | None:
        """The key with this id, or None where it is no longer kept."""
        return self._keys.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWKS document: the public keys, retired ones included."""
        return {
            "keys": [{**key.public_jwk, "kid": key.kid, "alg": "ES256", "use": "sig"} for key in self._keys.values()]
        }


class ConfidentialClient:
    """The client of a public site: `client_id` is the https URL of its metadata; it signs an assertion per request.

    Raises ValueError where a URL is not https or not on the origin of the client id.
    """

    auth_method = "private_key_jwt"

    def __init__(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        scope: str,
        jwks_uri: str,
        keyring: Keyring,
        name: str = "",
        client_uri: str = "",
        logo_uri: str = "",
        policy_uri: str = "",
        tos_uri: str = "",
    ) -> None:
        parts = urlsplit(client_id)
        if parts.scheme != "https" or not parts.hostname or parts.path in {"", "/"} or parts.fragment:
            raise ValueError("the client id is the https address of a document")
        for url in (redirect_uri, jwks_uri):
            if urlsplit(url)[:2] != parts[:2]:
                raise ValueError("redirect URI and JWKS are on the client id's own origin")
        self.client_id, self.redirect_uri, self.scope = client_id, redirect_uri, scope
        self._jwks_uri, self._keyring, self._name = jwks_uri, keyring, name
        self._pages = {"client_uri": client_uri, "logo_uri": logo_uri, "policy_uri": policy_uri, "tos_uri": tos_uri}

    @property
    def kid(self) -> str:
        """The id of the assertion key for new sessions; a session uses the same key to its end."""
        return self._keyring.current.kid

    def asking(self, scope: str) -> ConfidentialClient | None:
        """See `OAuthClientIdentity`."""
        return self if set(scope.split()) <= set(self.scope.split()) else None

    def known_as(self, client_id: str) -> ConfidentialClient | None:
        """See `OAuthClientIdentity`."""
        return self if client_id == self.client_id else None

    def metadata(self) -> dict[str, Any]:
        """The document at `client_id`."""
        document: dict[str, Any] = {
            "client_id": self.client_id,
            "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [self.redirect_uri],
            "scope": self.scope,
            "token_endpoint_auth_method": self.auth_method,
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": self._jwks_uri,
            "dpop_bound_access_tokens": True,
        }
        if self._name:
            document["client_name"] = self._name
        document.update({name: url for name, url in self._pages.items() if url})
        return document

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The document at `jwks_uri`."""
        return self._keyring.jwks()

    def auth_params(self, aud: str, kid: str, now: float | None = None) -> dict[str, str]:
        """`client_id` and a new assertion (RFC 7523, section 3) for the issuer `aud`, signed by the key `kid`.

        Valid where `now` is up to 15 s ahead of the server's clock, or 45 s behind it.

        Raises KeyGone where that key is no longer kept.
        """
        key = self._keyring.get(kid)
        if key is None:
            raise KeyGone
        at = int(time.time() if now is None else now)
        assertion = key.sign(
            {"typ": "JWT", "alg": "ES256", "kid": key.kid},
            {
                "iss": self.client_id,
                "sub": self.client_id,
                "aud": aud,
                "jti": new_jti(),
                "iat": at - BACKDATED_SECONDS,
                "exp": at + ASSERTION_SECONDS,
            },
        )
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def _is_loopback_ip(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
