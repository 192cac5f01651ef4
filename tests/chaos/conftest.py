"""Fixtures of the chaos tests, which run against the real local network, and the report at the end of a run."""

import pytest
from tests.chaos.ground import Appview, Hosts, Site
from tests.networks import *  # noqa: F403
from tests.networks import started
from tests.ports import free_port

_counts = []


@pytest.fixture(scope="session")
def network():
    """PLC and PDS only: a fake AppView says what delivery asks, and without the real one the PDS gets more CPU."""
    yield from started(accounts=0, appview=False)


@pytest.fixture(scope="session")
def hosts(network):
    return Hosts(network)


@pytest.fixture(scope="session")
def appview():
    with Appview() as server:
        yield server


@pytest.fixture(scope="session")
def port():
    """One port for the whole run: a loopback client's id contains it, and sessions belong to a client id."""
    return free_port()


@pytest.fixture
def site(transactional_db, network, hosts, appview, port, settings, tmp_path):
    site = Site(network, hosts, tmp_path, port, appview, settings)
    yield site
    network.faults([])
    network.token_max_age(3600)
    site.close()
    hosts.leave()
    site.places.close()


@pytest.fixture
def count(request):
    """`count("text")` adds a line with the test's name to the report at the end of the run."""
    return lambda text: _counts.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter):
    if _counts:
        terminalreporter.section("counts")
        for line in _counts:
            terminalreporter.write_line(line)
