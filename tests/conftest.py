"""Fixtures and hooks for all tests: no connections beyond this machine, and no skipped tests in CI."""

import dataclasses
import ipaddress
import os
import socket

import pytest


class NetworkRefused(OSError):
    """A test asked for a host that is not this machine."""


def _is_local(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Make every connection to another machine, and every name lookup, raise `NetworkRefused`."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guard(address):
        if isinstance(address, tuple) and not _is_local(str(address[0])):
            raise NetworkRefused(f"a test tried to reach {address[0]}:{address[1]}")

    def guarded_connect(self, address):
        guard(address)
        return connect(self, address)

    def guarded_connect_ex(self, address):
        guard(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host, *args, **kwargs):
        if host is not None:
            name = host.decode() if isinstance(host, bytes) else str(host)
            try:
                ipaddress.ip_address(name.partition("%")[0])
            except ValueError:
                if not _is_local(name):
                    raise NetworkRefused(f"a test tried to look up {name}") from None
        return getaddrinfo(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def no_share_pictures():
    """No job draws a picture of each event that a test creates; `tests/unit/events/test_share_pictures.py` does."""
    from elonara import jobs

    jobs.register("share", lambda key: None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Let the workers of a run share one migration: see `tests.migrated`."""
    from tests import migrated

    migrated.install()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Make tests that commit empty the database quickly: see `tests.emptying`."""
    from tests import emptying

    from elonara.bluesky import background_threads

    emptying.install()
    yield
    background_threads.end(seconds=10)  # else PostgreSQL does not drop a database that they are connected to


@pytest.fixture(autouse=True, scope="session")
def static_files():
    """Static files are looked for once, not for each client."""
    from tests import static_files

    static_files.install()


@pytest.fixture(autouse=True, scope="session")
def client_sessions():
    """The test client knows that the session cookie is no key."""
    from tests import client_sessions

    client_sessions.install()


@pytest.fixture
def clock(monkeypatch):
    """A fake clock in place of `django.utils.timezone.now`."""
    from django.utils import timezone
    from tests.fakes.clock import Clock

    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def set_options(settings):
    """Changes options for the rest of the test: `set_options(invitations={"per_day": 3})`.

    By the fixture `settings` alone: of two that restore settings, the wrong one would come last.
    """

    def change(**groups):
        options = settings.ELONARA
        for name, values in groups.items():
            options = dataclasses.replace(options, **{name: dataclasses.replace(getattr(options, name), **values)})
        settings.ELONARA = options

    return change


def pytest_sessionfinish(session, exitstatus):
    """In CI a skipped test fails the run, because a test that is not run there is not run anywhere."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and exitstatus == 0:
        session.exitstatus = 1
        reporter.write_line(f"CI: {len(skipped)} skipped, and nothing may be skipped here:", red=True)
        for report in skipped:
            reporter.write_line(f"  {report.nodeid}: {report.longrepr}", red=True)


def pytest_addoption(parser):
    parser.addoption("--second-database", action="store_true", help="only what another database may answer differently")


def pytest_configure(config):
    """Register our markers. The suite runs on both databases, so every test runs once at least."""
    config.addinivalue_line("markers", "promise(*names): this test keeps these promises of docs/security.md")
    config.addinivalue_line("markers", "sqlite_only: a test about SQLite; left out on PostgreSQL")
    config.addinivalue_line("markers", "postgres_only: a test about PostgreSQL; left out on SQLite")
    config.addinivalue_line("markers", "every_value_on_postgres: its parameters ask the database other questions")


def pytest_collection_modifyitems(config, items):
    """Deselect tests for the other database, and on the second one what does not differ there."""
    from tests import second_database

    foreign = "sqlite_only" if os.environ.get("ELONARA_TEST_DATABASE_URL") else "postgres_only"
    kept = [item for item in items if not item.get_closest_marker(foreign)]
    if config.getoption("--second-database"):
        kept = list(second_database.differing(kept))
    if len(kept) < len(items):
        chosen = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = kept
