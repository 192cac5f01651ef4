"""The site as an OAuth client: a loopback client on 127.0.0.1, a confidential client on a public https address."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import ConfidentialClient, Keyring, LoopbackClient
from elonara.bluesky import network
from elonara.bluesky.oauth import nonce_stores, scopes
from elonara.bluesky.oauth.client_keys import keyring

CALLBACK_PATH = "/auth/bluesky/callback"
METADATA_PATH = "/oauth/oauth-client-metadata.json"
JWKS_PATH = "/oauth/jwks.json"
# How long a session lasts in all, however often it is refreshed (the AT Protocol's OAuth profile).
LOOPBACK_SESSION = timedelta(days=14)
CONFIDENTIAL_SESSION = timedelta(days=730)


@dataclass(frozen=True)
class OAuthClients:
    """Two OAuth clients with one identity; they differ in where they keep DPoP nonces."""

    identity: LoopbackClient | ConfidentialClient
    authorization: OAuthClient  # begin, finish, revoke: with DPoP keys that live for minutes
    sessions: OAuthClient  # refresh: with the stored sessions' keys


_lock = threading.Lock()
_last: tuple[tuple[object, ...], OAuthClients] | None = None


def client_id() -> str:
    """The `client_id` of new sessions. Costs no query."""
    return client_ids()[0]


def client_ids() -> list[str]:
    """Every `client_id` that a session of this site may have; on a loopback site one for each way to ask."""
    if settings.ELONARA.site.is_loopback:
        uri = redirect_uri()
        return [_loopback_id(uri, family) for family in scopes.families()]
    return [f"{_origin()}{METADATA_PATH}"]


@functools.lru_cache(maxsize=8)
def _loopback_id(uri: str, scope: str) -> str:
    # Asked for before every post.
    return LoopbackClient(uri, scope).client_id


def redirect_uri() -> str:
    """Where authorization servers send the browser back to; 127.0.0.1 in place of `localhost`, which they refuse."""
    if not settings.ELONARA.site.is_loopback:
        return f"{_origin()}{CALLBACK_PATH}"
    parts = urlsplit(settings.ELONARA.site.url)
    host = "[::1]" if parts.hostname == "::1" else "127.0.0.1"
    return f"http://{host}{f':{parts.port}' if parts.port else ''}{CALLBACK_PATH}"


def longest_session() -> timedelta:
    """After how long the server ends a session, however often it is refreshed."""
    return LOOPBACK_SESSION if settings.ELONARA.site.is_loopback else CONFIDENTIAL_SESSION


def clients() -> OAuthClients:
    """The OAuth clients for the current options, network and keys; made again when one of these has changed."""
    global _last  # noqa: PLW0603
    options = settings.ELONARA
    keys = None if options.site.is_loopback else keyring()
    # The resolver is another object whenever the network is, and the keyring whenever a key is.
    version = (network.resolver(), options.site, options.bluesky.scopes, options.bluesky.appview_did, keys)
    with _lock:
        if _last is None or _last[0] != version:
            _last = version, _build(keys)
        return _last[1]


def metadata() -> dict[str, Any]:
    """The client metadata document. On a loopback site, what servers derive from the `client_id`."""
    return clients().identity.metadata()


def jwks() -> dict[str, Any]:
    """The public halves of the assertion keys; none on a loopback site."""
    identity = clients().identity
    return identity.jwks() if isinstance(identity, ConfidentialClient) else {"keys": []}


def _build(keys: Keyring | None) -> OAuthClients:
    identity: LoopbackClient | ConfidentialClient
    if keys is None:
        identity = LoopbackClient(redirect_uri(), *scopes.families())
    else:
        identity = ConfidentialClient(
            client_id=client_id(),
            redirect_uri=redirect_uri(),
            scope=scopes.declared(),
            jwks_uri=f"{_origin()}{JWKS_PATH}",
            keyring=keys,
            name=settings.ELONARA.site.name,
            client_uri=_origin(),
        )
    http, resolver, discovery = network.http(), network.resolver(), network.discovery()
    return OAuthClients(
        identity,
        OAuthClient(http, resolver, identity, nonce_stores.authorization_nonces, discovery=discovery),
        OAuthClient(http, resolver, identity, nonce_stores.session_nonces, discovery=discovery),
    )


def _origin() -> str:
    return str(settings.ELONARA.site.url).rstrip("/")
