"""The process's one way out to the network, made from the options: HTTP, XRPC and identity resolution.

A client per call would cost 20 ms each, so all threads share one. It is made anew when the options change.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from elonara.atproto.dns import TxtLookup
from elonara.atproto.http import GuardedHttp
from elonara.atproto.identity import IdentityResolver
from elonara.atproto.oauth.metadata import Discovery
from elonara.atproto.xrpc import Xrpc
from elonara.options import Bluesky


@dataclass(frozen=True)
class _Network:
    options: Bluesky
    http: GuardedHttp
    xrpc: Xrpc
    resolver: IdentityResolver
    discovery: Discovery


_lock = threading.Lock()
_network: _Network | None = None
_substitute: tuple[GuardedHttp, TxtLookup | None] | None = None


def http() -> GuardedHttp:
    """The guarded HTTP client."""
    return _current().http


def xrpc() -> Xrpc:
    """XRPC over `http()`."""
    return _current().xrpc


def resolver() -> IdentityResolver:
    """Handles and DIDs, over `http()`, with its cache."""
    return _current().resolver


def discovery() -> Discovery:
    """What authorization servers say about themselves, over `http()`, with its cache."""
    return _current().discovery


def appview_proxy() -> str:
    """The `atproto-proxy` header that makes a PDS pass a read on to the AppView."""
    return f"{settings.ELONARA.bluesky.appview_did}#bsky_appview"


def appview_url() -> str:
    """The public AppView, for reads without a viewer."""
    return str(settings.ELONARA.bluesky.appview_url).rstrip("/")


@contextlib.contextmanager
def use(http: GuardedHttp, *, dns: TxtLookup | None = None) -> Iterator[None]:
    """Make every thread use this HTTP client (and these DNS answers), for tests. The caller closes it."""
    global _substitute, _network
    with _lock:
        before, _substitute, _network = _substitute, (http, dns), None
    try:
        yield
    finally:
        with _lock:
            _substitute, _network = before, None


def _current() -> _Network:
    global _network  # noqa: PLW0603
    options: Bluesky = settings.ELONARA.bluesky
    network = _network
    if network is not None and network.options is options:
        return network
    with _lock:
        # Equality, not identity: tests replace the options often, mostly in other places than here.
        if _network is None or _network.options != options:
            _network = _build(options)
        return _network


def _build(options: Bluesky) -> _Network:
    client, dns = _substitute or (GuardedHttp(options.allow_private_hosts), None)
    resolver = IdentityResolver(
        client, plc_url=options.plc_url, handle_resolver_url=options.handle_resolver_url, dns=dns
    )
    return _Network(options, client, Xrpc(client), resolver, Discovery(client))
