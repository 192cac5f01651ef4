"""Fixtures of the real local network, for the suites that run against it (contract, browser, chaos).

A conftest.py takes them by `from tests.networks import *`. Each network is started when a test first asks for it,
takes about five seconds, serves the whole session, and is gone with it, however it ends.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox import network as networks
from sandbox.network import Account, Network

from elonara.atproto.http import GuardedHttp
from elonara.config import options

__all__ = [
    "approve",
    "faults",
    "guarded_http",
    "make_account",
    "network",
    "point_at",
    "split_network",
    "tls_network",
]

PDS_NAME, ISSUER_NAME = "pds.atnet.dev", "auth.atnet.dev"


def _started(**wishes: Any) -> Iterator[Network]:
    lacks = networks.missing()
    if lacks:
        # In CI nothing may be skipped for want of an install step.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(lacks)
    with networks.start(**wishes) as net:
        yield net


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """PLC, PDS (its own issuer, over local http) and AppView, with alice, bob, carol and dan."""
    yield from _started()


@pytest.fixture(scope="session")
def tls_network() -> Iterator[Network]:
    """The same with the PDS and issuer at https://pds.atnet.dev, which exists behind the TLS front only."""
    yield from _started(pds_hostname=PDS_NAME)


@pytest.fixture(scope="session")
def split_network() -> Iterator[Network]:
    """As at bsky.social: the issuer is https://auth.atnet.dev, the PDS https://pds.atnet.dev."""
    yield from _started(pds_hostname=PDS_NAME, issuer_hostname=ISSUER_NAME)


@pytest.fixture
def faults(network: Network) -> Iterator[Callable[..., None]]:
    """`faults({...}, {...})` puts them in front of the PDS of `network` until the test ends."""
    yield lambda *wanted: network.faults(wanted)
    network.faults([])


@pytest.fixture(scope="session")
def approve(network: Network) -> Callable[..., str]:
    """`approve(url, handle, password="", deny=False)` at the issuer of `network`; the others have `.approve` alike."""
    return network.approve


@pytest.fixture(scope="session")
def make_account(network: Network) -> Callable[..., Account]:
    """`make_account(handle="", password="")`: an account of `network` that no other test knows."""

    def make(handle: str = "", password: str = "") -> Account:
        account = network.create_account(handle, password)
        network.sync()  # the AppView knows it too, however busy the machine is
        return account

    return make


@pytest.fixture
def point_at(settings: Any, tmp_path: Path) -> Callable[..., options.Options]:
    """`point_at(network, **environment)` makes the site's settings those of the network until the test ends."""

    def point(net: Network, *, raised_caps: bool = True, **environment: str) -> options.Options:
        wanted = {
            "ELONARA_DATA_DIR": str(settings.ELONARA.data_dir),
            "ELONARA_DATABASE__URL": settings.ELONARA.database.url,
            **net.settings(raised_caps=raised_caps),
            **environment,
        }
        settings.ELONARA = options.load(wanted, tmp_path / "none.toml")
        return settings.ELONARA

    return point


@pytest.fixture(scope="session")
def guarded_http() -> Iterator[Callable[[Network], GuardedHttp]]:
    """`guarded_http(network)`: the site's own HTTP, for which the names of that network exist."""
    made: list[GuardedHttp] = []

    def make(net: Network) -> GuardedHttp:
        allowed = net.settings()["ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS"].split(",")
        made.append(GuardedHttp(allowed, resolver=net.resolver, ssl_context=net.ssl_context()))
        return made[-1]

    yield make
    for http in made:
        http.close()
