"""Every test here runs against the real local network."""

import pytest
from tests.networks import *  # noqa: F403

# What takes long to make and serves a whole session. Tests that ask for one of these form a group, and a group is run
# by one worker (`--dist loadgroup`), so that it is made once and not by each worker anew.
SHARED = {
    "tls_network": "behind-tls",
    "split_network": "behind-tls",
    "forty": "forty-accounts",
    "process": "arroba",
    "moving_network": "two-homes",
}


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
