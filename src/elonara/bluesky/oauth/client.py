"""Who the site is to authorization servers: a loopback client on this machine, a confidential one behind https."""

from __future__ import annotations

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
# How long a session can last in all, by the AT Protocol's OAuth profile.
LOOPBACK_SESSION = timedelta(days=14)
CONFIDENTIAL_SESSION = timedelta(days=730)


@dataclass(frozen=True)
class OAuthClients:
    """Two OAuth clients with one identity; they differ in where they keep DPoP nonces."""

    identity: LoopbackClient | ConfidentialClient
    trips: OAuthClient  # begin, finish, revoke: keys that live for minutes
    sessions: OAuthClient  # refresh


_lock = threading.Lock()
_last: tuple[tuple[object, ...], OAuthClients] | None = None


def client_id() -> str:
    """The id that new sessions are made under. Costs no query."""
    if settings.ELONARA.site.is_loopback:
        return LoopbackClient(redirect_uri(), scopes.declared()).client_id
    return f"{_origin()}{METADATA_PATH}"


def redirect_uri() -> str:
    """Where authorization servers send the browser back to; 127.0.0.1 for `localhost`, which servers refuse."""
    if not settings.ELONARA.site.is_loopback:
        return f"{_origin()}{CALLBACK_PATH}"
    parts = urlsplit(settings.ELONARA.site.url)
    host = "[::1]" if parts.hostname == "::1" else "127.0.0.1"
    return f"http://{host}{f':{parts.port}' if parts.port else ''}{CALLBACK_PATH}"


def longest_session() -> timedelta:
    """After how long the server ends a session, however often it is refreshed."""
    return LOOPBACK_SESSION if settings.ELONARA.site.is_loopback else CONFIDENTIAL_SESSION


def clients() -> OAuthClients:
    """The OAuth clients for the options, the network and the keys of now."""
    global _last  # noqa: PLW0603
    options = settings.ELONARA
    keys = None if options.site.is_loopback else keyring()
    # The resolver changes whenever the network does, and the keyring whenever a key does.
    version = (network.resolver(), options.site, options.bluesky.scopes, options.bluesky.appview_did, keys)
    with _lock:
        if _last is None or _last[0] != version:
            _last = version, _build(keys)
        return _last[1]


def metadata() -> dict[str, Any]:
    """The client metadata document. On a loopback site, what servers derive from the id by themselves."""
    return clients().identity.metadata()


def jwks() -> dict[str, Any]:
    """The public halves of the assertion keys; none on a loopback site."""
    identity = clients().identity
    return identity.jwks() if isinstance(identity, ConfidentialClient) else {"keys": []}


def _build(keys: Keyring | None) -> OAuthClients:
    identity: LoopbackClient | ConfidentialClient
    if keys is None:
        identity = LoopbackClient(redirect_uri(), scopes.declared())
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
    http, resolver, found = network.http(), network.resolver(), network.discovery()
    return OAuthClients(
        identity,
        OAuthClient(http, resolver, identity, nonce_stores.authorization_nonces, discovery=found),
        OAuthClient(http, resolver, identity, nonce_stores.session_nonces, discovery=found),
    )


def _origin() -> str:
    return str(settings.ELONARA.site.url).rstrip("/")
