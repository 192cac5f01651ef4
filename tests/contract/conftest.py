"""Every test here runs against the real local network."""

import pytest
from tests.networks import *  # noqa: F403

from elonara.bluesky import outward

# What takes long to make and serves a whole session. Tests that ask for one of these form a group, and a group is run
# by one worker (`--dist loadgroup`), so that it is made once and not by each worker anew.
SHARED = {
    "tls_network": "behind-tls",
    "split_network": "behind-tls",
    "forty": "forty-accounts",
    "process": "arroba",
    "moving_network": "two-homes",
}


PATIENCE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A page waits longer for the network than it lets a visitor wait: suites beside this one take its processors.

    What a page shows that gives up is tested in tests/unit/web/slow_servers.
    """
    monkeypatch.setattr(outward, "GIVE_UP_SECONDS", PATIENCE_SECONDS)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items):
    # With groups pytest-xdist runs of several tests that are called the same only the first.
    names = {item.nodeid for item in items}
    if len(names) < len(items):
        raise pytest.UsageError("two contract tests have the same name")
    for item in items:
        groups = {group for name, group in SHARED.items() if name in getattr(item, "fixturenames", ())}
        if groups:
            # A test that needs both goes where the more expensive one is.
            item.add_marker(pytest.mark.xdist_group(max(groups)))
