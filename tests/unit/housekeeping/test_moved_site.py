"""`elonara reauthorize --moved`: what ends sessions of another address, and what never does."""

import argparse
import dataclasses
import io

import pytest

from elonara.bluesky.models import MemberIdentity
from elonara.cli import moved_site, reauthorize
from elonara.cli.errors import CommandRefused

LOOPBACK, OLD, NEW = "http://127.0.0.1:8000", "https://events.example", "https://new.example"


@pytest.fixture
def at(connected, settings):
    """`at(url)` changes the address of the site; returns its options."""

    def change(url):
        site = dataclasses.replace(settings.ELONARA.site, url=url)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
        return settings.ELONARA

    return change


@pytest.fixture
def of_old_address(at):
    """The session is one of https://events.example."""
    at(OLD)
    from elonara.bluesky.oauth.client import client_id

    MemberIdentity.objects.update(client_id=client_id())


def state():
    return MemberIdentity.objects.get().state


def run(options, *, yes=False, as_json=False):
    return reauthorize.run(argparse.Namespace(moved=True, tell=False, json=as_json, yes=yes), options)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_at_its_own_address_nothing_is_said_and_nothing_ends(of_old_address, at, capsys):
    options = at(OLD)
    assert moved_site.warning() == ""
    assert run(options) == 0
    assert state() == "active"
    assert "0 sessions" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://[::1]:9000", "https://other.example", NEW])
def test_any_other_address_is_named_and_ends_nothing(of_old_address, at, url):
    at(url)
    assert "1 Bluesky session was made under another address (https://events.example)" in moved_site.warning()
    assert "elonara reauthorize --moved" in moved_site.warning()
    assert state() == "active"


@pytest.mark.parametrize("yes", [True, False])
def test_on_loopback_the_sessions_of_a_public_address_never_end(of_old_address, at, yes):
    with pytest.raises(CommandRefused, match=r"Set site\.url"):
        run(at(LOOPBACK), yes=yes)
    assert state() == "active"


@pytest.mark.parametrize("as_json", [True, False])
def test_where_nobody_can_be_asked_it_takes_a_word(of_old_address, at, as_json, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(CommandRefused, match=r"1 Bluesky session was .*--yes"):
        run(at(NEW), as_json=as_json)
    assert state() == "active"
    run(at(NEW), yes=True, as_json=as_json)
    assert state() == "needs_reauth"


@pytest.mark.parametrize(("typed", "left"), [("yes", "needs_reauth"), ("Yes ", "needs_reauth"), ("y", "active")])
def test_a_person_is_told_the_count_and_asked(of_old_address, at, typed, left, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    if left == "active":
        with pytest.raises(CommandRefused, match="nothing was ended"):
            run(at(NEW))
    else:
        run(at(NEW))
    assert state() == left
    assert "1 Bluesky session was made under another address (https://events.example)" in capsys.readouterr().out


def test_a_loopback_session_may_move_to_another_port(connected, at):
    options = at("http://127.0.0.1:9000")
    assert "(http://127.0.0.1:8000)" in moved_site.warning()
    run(options, yes=True)
    assert state() == "needs_reauth"
