"""Fixtures of the real local network, for the suites that run against it (contract, browser, chaos).

A conftest.py imports them by `from tests.networks import *`. A network is started when a test first uses its fixture,
which takes about five seconds, and ends with the session, even if the session is killed.
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
    "moving_network",
    "network",
    "point_at",
    "split_network",
    "tls_network",
]

PDS_NAME, ISSUER_NAME = "pds.atnet.dev", "auth.atnet.dev"


def started(**network_options: Any) -> Iterator[Network]:
    """A network with these options of `sandbox.network.start`, for a fixture of your own."""
    missing = networks.missing()
    if missing:
        # In CI a missing installation is an error, not a reason to skip.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    with networks.start(**network_options) as net:
        yield net


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """PLC, PDS (its own issuer, over local http) and AppView, with alice, bob, carol and dan."""
    yield from started()


@pytest.fixture(scope="session")
def tls_network() -> Iterator[Network]:
    """The same, but PDS and issuer are at https://pds.atnet.dev, which is reachable through the TLS front only."""
    yield from started(pds_hostname=PDS_NAME)


@pytest.fixture(scope="session")
def split_network() -> Iterator[Network]:
    """Issuer and PDS apart, as at bsky.social: https://auth.atnet.dev and https://pds.atnet.dev."""
    yield from started(pds_hostname=PDS_NAME, issuer_hostname=ISSUER_NAME)


@pytest.fixture(scope="session")
def moving_network() -> Iterator[Network]:
    """Two PDSs (each its own issuer) on one PLC directory, followed by one AppView: accounts can move (`migration`)."""
    yield from started(second_pds=True, accounts=["alice", "bob"])


@pytest.fixture
def faults(network: Network) -> Iterator[Callable[..., None]]:
    """`faults({...}, {...})` injects faults in front of the PDS of `network` until the test ends."""
    yield lambda *wanted: network.faults(wanted)
    network.faults([])


@pytest.fixture(scope="session")
def approve(network: Network) -> Callable[..., str]:
    """`approve(url, handle, password="", deny=False)` at the issuer of `network`; other networks: their `.approve`."""
    return network.approve


@pytest.fixture(scope="session")
def make_account(network: Network) -> Callable[..., Account]:
    """`make_account(handle="", password="")` creates an account of `network` that no other test uses."""

    def make(handle: str = "", password: str = "") -> Account:
        account = network.create_account(handle, password)
        network.sync()  # wait until the AppView knows it too
        return account

    return make


@pytest.fixture
def point_at(settings: Any, tmp_path: Path) -> Callable[..., options.Options]:
    """`point_at(network, **environment)` configures the site for the network until the test ends."""

    def point(net: Network, *, raised_caps: bool = True, **environment: str) -> options.Options:
        wanted = {
            "ELONARA_DATA_DIR": str(settings.ELONARA.data_dir),
            "ELONARA_DATABASE__URL": settings.ELONARA.database.url,
            **net.settings(raised_caps=raised_caps),
            **environment,
        }
        settings.ELONARA = options.load(wanted, Path(os.devnull))
        return settings.ELONARA

    return point


@pytest.fixture(scope="session")
def guarded_http() -> Iterator[Callable[[Network], GuardedHttp]]:
    """`guarded_http(network)`: the site's own HTTP client, which resolves the names of that network."""
    made: list[GuardedHttp] = []

    def make(net: Network) -> GuardedHttp:
        allowed = net.settings()["ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS"].split(",")
        made.append(GuardedHttp(allowed, resolver=net.resolver, ssl_context=net.ssl_context()))
        return made[-1]

    yield make
    for http in made:
        http.close()
