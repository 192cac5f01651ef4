"""The clients that this process uses for all network calls, built from the options: HTTP, XRPC, identity resolution.

Within a request they keep to its budget (`elonara.bluesky.outward`). Building a client takes 20 ms, so all threads
share one. It is built again when the options change.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from elonara.atproto.dns import DnsTxt, TxtLookup
from elonara.atproto.http import GuardedHttp
from elonara.atproto.identity import IdentityResolver
from elonara.atproto.oauth.metadata import Discovery
from elonara.atproto.xrpc import Xrpc
from elonara.bluesky.outward import BudgetedHttp, budgeted_dns
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
    """The guarded HTTP client, within the budget of the request."""
    return _current().http


def xrpc() -> Xrpc:
    """XRPC over `http()`."""
    return _current().xrpc


def resolver() -> IdentityResolver:
    """Resolves handles and DIDs over `http()`, with a cache."""
    return _current().resolver


def discovery() -> Discovery:
    """Fetches the metadata of authorization servers over `http()`, with a cache."""
    return _current().discovery


def appview_proxy() -> str:
    """The value of `atproto-proxy`, the header that makes a PDS pass a read on to the AppView."""
    return f"{settings.ELONARA.bluesky.appview_did}#bsky_appview"


def appview_url() -> str:
    """The URL of the public AppView, for anonymous reads."""
    return str(settings.ELONARA.bluesky.appview_url).rstrip("/")


@contextlib.contextmanager
def use(http: GuardedHttp, *, dns: TxtLookup | None = None) -> Iterator[None]:
    """Make every thread use this HTTP client and DNS lookup, for tests. The caller closes the client."""
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
        # Compared by value: tests replace the options often, mostly with other values than these.
        if _network is None or _network.options != options:
            _network = _build(options)
        return _network


def _build(options: Bluesky) -> _Network:
    guarded, dns = _substitute or (GuardedHttp(options.allow_private_hosts), None)
    client = BudgetedHttp(guarded)
    resolver = IdentityResolver(
        client,
        plc_url=options.plc_url,
        handle_resolver_url=options.handle_resolver_url,
        dns=budgeted_dns(dns or DnsTxt()),
    )
    return _Network(options, client, Xrpc(client), resolver, Discovery(client))
