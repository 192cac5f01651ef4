"""Clocks that are off: what we sign is dated by the clock of the server that it is for, and of no other."""

import time
from email.utils import formatdate

import pytest
from tests.fakes.oauth import ALICE, SCOPE
from tests.fakes.profiles import BLUESKY, COCOON, OAUTH_SERVERS

from elonara.atproto.errors import ClientRefused, InvalidGrant, OAuthError
from elonara.atproto.oauth.client_auth import ClientAssertionKey, ConfidentialClient, KeyGone, Keyring
from elonara.atproto.oauth.clocks import MAX_CORRECTION_SECONDS, ServerClocks, ahead_of, server_clocks
from elonara.atproto.oauth.session import DpopAuth
from elonara.atproto.xrpc import Xrpc

NSID = "com.atproto.server.getSession"
OFF = (-600, -300, -60, -30, -10, 10, 30, 60, 300, 600)
HERE, THERE = "https://here.example/x", "https://there.example/y"


class Machine:
    """A machine whose wall clock can be set; its monotonic clock runs on."""

    def __init__(self):
        self.monotonic, self.offset = 1000.0, 1_800_000_000.0

    def wall(self):
        return self.monotonic + self.offset


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def clocks(machine):
    return ServerClocks(machine.wall, lambda: machine.monotonic)


def dated(seconds):
    return {"date": formatdate(seconds, usegmt=True)}


def test_signatures_are_dated_by_the_clock_of_their_own_server(clocks, machine):
    clocks.observe(HERE, dated(machine.wall() + 300), machine.wall())
    clocks.observe(THERE, dated(machine.wall() - 40), machine.wall())
    assert clocks.now(HERE) == pytest.approx(machine.wall() + 300, abs=1)
    assert clocks.now("https://here.example/another/path") == clocks.now(HERE)
    assert clocks.now(THERE) == pytest.approx(machine.wall() - 40, abs=1)
    assert clocks.now("https://unknown.example/") == machine.wall()


def test_a_difference_that_whole_seconds_and_the_network_explain_is_none():
    at = 1_800_000_000
    assert ahead_of(dated(at), at + 0.2, at + 0.4) == 0
    assert ahead_of(dated(at), at - 3, at + 9) == 0  # a slow server
    assert ahead_of(dated(at), at + 11, at + 11.5) == 10
    assert ahead_of(dated(at), at - 11, at - 10) == -10


@pytest.mark.parametrize("off", [-300, 300])
def test_a_slow_response_does_not_blur_what_a_quick_one_showed(clocks, machine, off):
    clocks.observe(HERE, dated(machine.wall() - off), machine.wall())
    quick = clocks.ahead(HERE)
    assert quick == pytest.approx(off, abs=1)
    for half in (0, 15):
        began, date = machine.wall(), dated(machine.wall() + half - off)
        machine.monotonic += 15
        clocks.observe(HERE, date, began)
        assert clocks.ahead(HERE) == pytest.approx(quick, abs=1)
    clocks.observe(HERE, dated(machine.wall() + 50), machine.wall())  # that server's clock was set
    assert clocks.ahead(HERE) == pytest.approx(-50, abs=1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"date": ""}, {"date": "yesterday"}, {"date": "Sat, 99 Nov 9999 99:99:99 GMT"}, {**dated(1), "age": "250"}],
)
def test_what_no_clock_wrote_just_now_is_no_observation(headers, clocks, machine):
    assert ahead_of(headers, 1_800_000_000, 1_800_000_001) is None
    clocks.observe(HERE, headers, machine.wall())
    assert clocks.now(HERE) == machine.wall()


@pytest.mark.parametrize("step", [-600, -5, 5, 600])
def test_an_observation_is_void_after_this_machine_s_clock_was_set(clocks, machine, step):
    clocks.observe(HERE, dated(machine.wall() + 300), machine.wall())
    machine.monotonic += 5000
    assert clocks.now(HERE) == pytest.approx(machine.wall() + 300, abs=1)
    machine.offset += step
    assert clocks.now(HERE) == machine.wall()


@pytest.mark.promise("dated-for-one")
def test_no_server_can_have_signatures_for_a_far_future(clocks, machine):
    clocks.observe(HERE, dated(machine.wall() + MAX_CORRECTION_SECONDS + 60), machine.wall())
    assert clocks.ahead(HERE) < -MAX_CORRECTION_SECONDS
    assert clocks.now(HERE) == machine.wall()


def test_memory_is_bounded(clocks, machine):
    for number in range(1100):
        clocks.observe(f"https://s{number}.example/", dated(machine.wall() + 60), machine.wall())
    assert len(clocks._known) == 1000
    assert clocks.ahead("https://s0.example/") == 0


@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
@pytest.mark.parametrize("off", OFF)
def test_a_clock_that_is_off_costs_nobody_a_session(confidential, server, network, nonces, off, profile):
    """Sign-in, a call and a refresh, at an issuer and a PDS with clocks of their own."""
    server.profile = profile
    network.clocks = {server.issuer: off, server.pds: off / 2}
    started = confidential.begin("alice.example.com", scope=SCOPE)
    tokens = confidential.finish(started, server.approve(started.authorize_url, ALICE))
    auth = DpopAuth(started.dpop_key, tokens.access_token, nonces)
    assert Xrpc(network).query(server.pds, NSID, auth=auth)["did"] == ALICE
    tokens = confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, ALICE)
    assert server.sessions[0].alive
    network.clocks = {}  # the clock is set right while the process runs, which shows by the next response
    confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, ALICE)


@pytest.mark.promise("dated-for-one")
def test_a_liar_gets_misdated_signatures_for_itself_alone(confidential, server, network):
    network.clocks = {"https://evil.example": 1800}
    server_clocks.observe("https://evil.example/", dated(time.time() + 1800), time.time())
    assert confidential.begin("alice.example.com", scope=SCOPE)
    assert abs(server_clocks.now(server.issuer) - time.time()) < 2


@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
def test_metadata_that_could_not_be_fetched_is_no_fault_of_the_grant(confidential, server, profile):
    started = confidential.begin("alice.example.com", scope=SCOPE)
    tokens = confidential.finish(started, server.approve(started.authorize_url, ALICE))
    server.profile, server.metadata_is_away = profile, True

    def refresh():
        return confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, ALICE)

    with pytest.raises(ClientRefused) as caught:
        refresh()
    assert not caught.value.is_clock
    with pytest.raises(ClientRefused):
        confidential.begin("alice.example.com", scope=SCOPE)
    server.metadata_is_away = False
    assert refresh().did == ALICE  # the token was never used


@pytest.mark.parametrize("profile", [BLUESKY, COCOON], ids=str)
def test_a_clock_beyond_correction_is_called_the_clock(confidential, server, network, profile):
    server.profile = profile
    network.clocks = {server.issuer: 2 * MAX_CORRECTION_SECONDS}
    with pytest.raises(ClientRefused) as caught:
        confidential.begin("alice.example.com", scope=SCOPE)
    assert caught.value.is_clock
    assert caught.value.ahead == pytest.approx(-2 * MAX_CORRECTION_SECONDS, abs=2)


def test_a_misdated_request_whose_grant_is_over_is_not_sent_again(confidential, server, network):
    started = confidential.begin("alice.example.com", scope=SCOPE)
    tokens = confidential.finish(started, server.approve(started.authorize_url, ALICE))
    server.sessions[0].alive = False
    network.clocks = {server.issuer: 20}  # the assertion is 35 s old there, which is accepted
    asked = len(network.sent("/token"))
    with pytest.raises(InvalidGrant):
        confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, ALICE)
    assert len(network.sent("/token")) == asked + 1


def test_a_key_that_is_gone_is_no_word_of_the_server():
    site = "https://elonara.example"
    client = ConfidentialClient(
        client_id=f"{site}/m.json",
        redirect_uri=f"{site}/c",
        scope=SCOPE,
        jwks_uri=f"{site}/j.json",
        keyring=Keyring([ClientAssertionKey.generate()]),
    )
    with pytest.raises(KeyGone) as caught:
        client.auth_params(site, "gone")
    assert isinstance(caught.value, OAuthError)
    assert not isinstance(caught.value, ClientRefused)
