"""Checks of `elonara doctor` over the network: Bluesky's services, the clock, and our own public client metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.oauth import self_check
from elonara.bluesky.oauth.self_check import SYNC
from elonara.cli.doctor_findings import Finding
from elonara.options import Options

# What a `Date` header and a slow network cannot explain.
SKEW_NOTE_SECONDS = 3.0
SCHEME_HEADER = "X-Forwarded-Proto"


def check(options: Options) -> Iterator[Finding]:
    """Check PLC, AppView and handle resolver, our clock against theirs, and our own client metadata."""
    skews = []
    for what, url in self_check.services(options.bluesky).items():
        finding, skew = _reach(what, url)
        yield finding
        skews += [skew] if skew is not None else []
    if (ahead := self_check.typical(skews)) is not None:
        yield clock(ahead)
    yield from _proxy(options)
    yield from _client_metadata(options)
    if options.bluesky.relay.identifier:
        yield _relay(options)


def clock(ahead: float) -> Finding:
    """The finding for a clock that is `ahead` seconds before the servers' (negative: behind)."""
    says = f"this machine's clock is {abs(ahead):.0f} seconds off ({self_check.way(ahead)})"
    if abs(ahead) >= self_check.OFF_SECONDS:
        return Finding("wrong", "clock", f"{says}: servers may refuse what it signs", SYNC)
    if abs(ahead) >= SKEW_NOTE_SECONDS:
        return Finding("note", "clock", says, SYNC)
    return Finding("ok", "clock", "as Bluesky's, within a second or two")


def _reach(what: str, url: str) -> tuple[Finding, float | None]:
    """Request `url` once; returns the finding and the clock skew in seconds, None where it is unknown."""
    try:
        response, skew = self_check.ask(url)
    except AtprotoError as fault:
        fix = "Does this machine reach the internet? A private address needs bluesky.allow_private_hosts."
        return Finding("wrong", what, f"{url} is not reached: {fault}", fix), None
    if response.status >= 500:
        says = f"{url} answers {response.status}"
        return Finding("wrong", what, says, "Try again later; the trouble is over there."), skew
    return Finding("ok", what, f"{url} answers"), skew


def _relay(options: Options) -> Finding:
    """Whether the site's own account, which posts for hosts, carries the self-label `bot`."""
    handle = options.bluesky.relay.identifier
    fix = "Label it as a bot in its profile: Bluesky's rules for bots ask for it, and people can filter by it."
    try:
        profile = network.xrpc().query(network.appview_url(), "app.bsky.actor.getProfile", {"actor": handle})
    except AtprotoError as fault:
        return Finding("wrong", "relay", f"the profile of {handle} cannot be read: {fault}", "Is the name right?")
    labels = [label for label in profile.get("labels") or [] if isinstance(label, dict)]
    if not any(label.get("val") == "bot" and label.get("src") == profile.get("did") for label in labels):
        return Finding("wrong", "relay", f"{handle} does not carry the label `bot`", fix)
    return Finding("ok", "relay", f"{handle} carries the label `bot`")


def _proxy(options: Options) -> Iterator[Finding]:
    """Whether the site's own address leads through the proxy to a page, as a visitor would see it."""
    if not (options.site.is_https and options.http.trusted_proxies):
        return
    url = f"{options.site.url}/"
    try:
        response = network.http().request("GET", url, deadline=10.0)
    except AtprotoError as fault:
        fix = "Does the name lead to the proxy, and the proxy to Elonara? Where only this machine cannot reach its own "
        yield Finding(
            "wrong", "proxy", f"{url} is not reached: {fault}", f"{fix}public address, look from another one."
        )
        return
    target, body = response.headers.get("location", ""), response.body[:4000].decode("utf-8", "replace")
    if response.status >= 500 and "http.trusted_proxies" in body:
        fix = "Set http.trusted_proxies to the address from which the proxy reaches Elonara, and restart."
        yield Finding("wrong", "proxy", f"{url}: the proxy is not the one in http.trusted_proxies", fix)
    elif (response.status >= 500 and SCHEME_HEADER in body) or target.rstrip("/") == options.site.url:
        says = f"{url}: the proxy does not tell Elonara that visitors come by https"
        fix = f"Make it send {SCHEME_HEADER}: https (nginx: proxy_set_header {SCHEME_HEADER} $scheme;)."
        yield Finding("wrong", "proxy", says, f"{fix} With another proxy before it, https has to be passed on.")
    elif response.status >= 400:
        fix = "Is Elonara running, and does the proxy pass on all addresses without a sign-in of its own?"
        yield Finding("wrong", "proxy", f"{url} answers {response.status}", fix)
    else:
        yield Finding("ok", "proxy", f"{url} is reached through the proxy")


def _client_metadata(options: Options) -> Iterator[Finding]:
    """Whether authorization servers can fetch the documents that describe this site as an OAuth client."""
    if options.site.is_loopback:
        yield Finding("ok", "client", "a loopback client: servers need to fetch nothing; sessions last two weeks")
    for url, expected in self_check.documents():
        yield _document(url, expected)


def _document(url: str, expected: dict[str, Any]) -> Finding:
    fix = "Let your proxy pass this address on to Elonara as it is: without sign-in, redirect, challenge or cache."
    try:
        trouble = self_check.document_trouble(url, expected)
    except AtprotoError as fault:
        unreachable = f"{fix} Where only this machine cannot reach its own public address, look from another one."
        return Finding("wrong", "client", f"{url} is not reached: {fault}", unreachable)
    if trouble.endswith("than this site would"):
        fix = "Is that another Elonara, or one with other keys or settings? Restart it, and empty the proxy's cache."
    if trouble:
        return Finding("wrong", "client", trouble, fix)
    return Finding("ok", "client", f"{url} says what it should")
