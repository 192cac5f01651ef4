"""A server refuses this site as a client, for its clock or its metadata: nothing is lost, and who can help hears it."""

import dataclasses
import re
from email.utils import formatdate

import pytest
from tests.fakes.oauth import ALICE, PLC, answer
from tests.fakes.profiles import BLUESKY, COCOON, OAUTH_SERVERS

from elonara.bluesky import outward
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AssertionKey, MemberIdentity
from elonara.bluesky.oauth import client_keys, client_refusals, self_check
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.reasons import sentence
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.members.models import Member, Notice

SITE, APPVIEW = "https://events.example", "https://appview.example"
TWO_HOURS = 7200


@pytest.fixture(autouse=True)
def no_refusals(transactional_db):
    client_refusals.forget()
    yield
    outward.wait_for_background(10)
    client_refusals.forget()


@pytest.fixture
def operator(transactional_db):
    return Member.objects.create_superuser("olga", password="a long password")


@pytest.fixture
def services(net):
    """PLC and AppView answer; `services[origin]` is by how many seconds their clock is ahead of ours."""
    ahead = {PLC: 0.0, APPVIEW: 0.0}

    def serve(request):
        origin = "/".join(request.url.split("/")[:3])
        return answer(200, {}, {"date": formatdate(net.time_at(origin) + ahead[origin], usegmt=True)})

    plc = net.origins[PLC]
    net.origins[PLC] = lambda request: serve(request) if request.path == "/_health" else plc(request)
    net.origins[APPVIEW] = serve
    return ahead


@pytest.fixture
def public_site(settings, server, net):
    """A confidential client; `public_site[path]` replaces what the site's own documents answer."""
    site = dataclasses.replace(settings.ELONARA.site, url=SITE)
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    answers = {}
    net.origins[SITE] = lambda request: (
        answers.get(request.path)
        or answer(200, {url.removeprefix(SITE): document for url, document in self_check.documents()}[request.path])
    )
    server.jwks = BlueskyOAuthService().jwks()
    return answers


def refresh(row):
    return oauth_sessions.fresh_token(row.pk, refused=reveal())


def reveal():
    identity = MemberIdentity.objects.get()
    return oauth_sessions.unsealed(identity, "bsky_access_token_enc").reveal()


def notices():
    outward.wait_for_background(10)
    return [(one.kind, one.text) for one in Notice.objects.filter(dismissed_at=None)]


def seconds(text):
    """By how much the notice says that the clock is ahead."""
    number, way = re.search(r"is (\d+) seconds (ahead|behind)", text).groups()
    return int(number) * (1 if way == "ahead" else -1)


def unhurt(hook_calls):
    row = MemberIdentity.objects.get()
    return (
        row.state == "active"
        and bool(row.bsky_refresh_token_enc)
        and row.attempt_started_at is None
        and not [call for call in hook_calls if call[0] == "on_needs_member"]
    )


@pytest.mark.promise("grant-stands")
@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
def test_metadata_that_was_away_costs_no_session(connected, server, hook_calls, services, profile):
    server.profile, server.metadata_is_away = profile, True
    with pytest.raises(TryLater) as later:
        refresh(connected)
    assert later.value.reason == "client_refused"
    assert later.value.retry_after >= client_refusals.FIRST_PAUSE_SECONDS
    assert unhurt(hook_calls)
    assert "address has changed" not in sentence(later.value.reason)
    server.metadata_is_away = False
    client_refusals.forget()
    assert refresh(connected)
    assert unhurt(hook_calls)


@pytest.mark.parametrize("profile", [BLUESKY, COCOON], ids=str)
def test_a_clock_beyond_correction_costs_no_session_and_the_operator_hears_of_it(
    connected, server, net, hook_calls, services, operator, profile
):
    server.profile = profile
    net.clocks = dict.fromkeys([server.issuer, server.pds, PLC, APPVIEW], TWO_HOURS)
    with pytest.raises(TryLater) as later:
        refresh(connected)
    assert later.value.reason == "clock"
    assert unhurt(hook_calls)
    [(kind, text)] = notices()
    assert kind == self_check.clock_notice()
    assert seconds(text) == pytest.approx(-TWO_HOURS, abs=2)
    net.clocks = {}
    client_refusals.forget()
    client_refusals._found_trouble = True
    assert refresh(connected)
    assert notices() == []


@pytest.mark.parametrize("off", [-600, -30, 30, 600])
def test_a_clock_that_can_be_corrected_stops_nothing_and_the_operator_hears_of_it(
    connected, server, net, hook_calls, services, operator, off
):
    net.clocks = dict.fromkeys([server.issuer, server.pds, PLC, APPVIEW], off)
    assert refresh(connected)
    assert unhurt(hook_calls)
    [(_, text)] = notices()
    assert seconds(text) == pytest.approx(-off, abs=2)


def test_an_issuer_that_refused_is_asked_less_and_less_often(connected, server, net, services):
    server.metadata_is_away = True
    pauses = []
    for _ in range(8):
        with pytest.raises(TryLater) as later:
            refresh(connected)
        pauses.append(later.value.retry_after)
        asked = len(net.sent("/token"))
        with pytest.raises(TryLater) as again:
            refresh(connected)
        assert again.value.reason == "client_refused"
        assert len(net.sent("/token")) == asked
        past = client_refusals._pauses[server.issuer]
        client_refusals._pauses[server.issuer] = dataclasses.replace(past, until=0.0)
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]
    server.metadata_is_away = False
    assert refresh(connected)
    assert server.issuer not in client_refusals._pauses


@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
@pytest.mark.parametrize("fault", ["clock", "client_refused"])
def test_a_sign_in_never_blames_the_server_for_our_clock_or_metadata(server, net, service, services, profile, fault):
    server.profile = profile
    server.metadata_is_away = fault == "client_refused"
    net.clocks = {server.issuer: TWO_HOURS} if fault == "clock" else {}
    if profile.name == "tranquil" and fault == "clock":
        net.clocks = {server.issuer: -TWO_HOURS}
    with pytest.raises(AuthorizationFailed) as failed:
        service.begin("sign_in", "alice.example.com", browser="hers")
    assert failed.value.reason == fault
    assert "refused" not in failed.value.sentence
    assert "Nothing is wrong with your account" in failed.value.sentence
    assert "Try again" in failed.value.sentence


def test_a_callback_that_meets_a_refusal_says_the_same(server, service, services):
    url = service.begin("sign_in", "alice.example.com", browser="hers")
    server.metadata_is_away = True
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(server.approve(url, ALICE), browser="hers")
    assert failed.value.reason == "client_refused"


def test_a_server_that_lies_about_the_time_alarms_nobody(server, net, service, services, operator):
    net.clocks = {server.issuer: -900}
    service.begin("sign_in", "alice.example.com", browser="hers")
    assert notices() == []


def test_one_service_with_a_wrong_clock_is_outvoted(settings, services, operator, net):
    bluesky = dataclasses.replace(settings.ELONARA.bluesky, handle_resolver_url="https://resolver.example")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=bluesky)
    services["https://resolver.example"] = 0.0
    net.origins["https://resolver.example"] = net.origins[APPVIEW]
    services[PLC] = 900
    self_check.look()
    assert notices() == []
    services[APPVIEW] = 890
    self_check.look()
    assert seconds(notices()[0][1]) == pytest.approx(-890, abs=2)


def test_metadata_that_cannot_be_fetched_is_a_notice_until_it_can(public_site, services, operator):
    path = "/oauth/oauth-client-metadata.json"
    for wrong in (answer(502, {}), answer(200, b"<html>", {"content-type": "text/html"}), answer(200, {"a": 1})):
        public_site[path] = wrong
        assert self_check.look()
        [(kind, text)] = notices()
        assert kind == self_check.METADATA_NOTICE
        assert path in text
        assert "no connection is lost" in text
    public_site.clear()
    assert not self_check.look()
    assert notices() == []


def test_an_issuer_that_refuses_for_no_reason_of_ours_is_named(connected, server, services, operator):
    server.metadata_is_away = True
    with pytest.raises(TryLater):
        refresh(connected)
    [(kind, text)] = notices()
    assert kind == self_check.METADATA_NOTICE
    assert text.startswith(f"{server.issuer} refuses this site as a client (invalid_client_metadata)")
    server.metadata_is_away = False
    past = client_refusals._pauses[server.issuer]
    client_refusals._pauses[server.issuer] = dataclasses.replace(past, until=0.0)
    client_refusals._next_look = 0.0
    assert refresh(connected)
    assert notices() == []


def test_a_notice_is_settled_by_itself_when_its_reason_has_gone(services, operator, net):
    assert self_check.settle_if_mended() == 0
    assert not net.sent("_health")
    services.update({PLC: 300.0, APPVIEW: 300.0})
    self_check.look()
    assert self_check.settle_if_mended() == 1
    assert len(notices()) == 1
    services.update({PLC: 0.0, APPVIEW: 0.0})
    self_check.settle_if_mended()
    assert notices() == []


def test_a_session_whose_key_is_gone_waits_for_the_operator_and_keeps_its_tokens(
    public_site, connect, member, hook_calls, server, net
):
    row = connect(member).identity
    AssertionKey.objects.all().delete()
    client_keys.rotate()
    asked = len(net.sent("/token"))
    with pytest.raises(SessionEnded) as over:
        refresh(row)
    assert over.value.reason == "unreadable"
    assert unhurt(hook_calls)
    assert len(net.sent("/token")) == asked


def test_a_row_of_another_address_waits_and_is_not_sent(connected, settings, hook_calls):
    site = dataclasses.replace(settings.ELONARA.site, url=SITE)
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    with pytest.raises(TryLater) as later:
        oauth_sessions.fresh_token(connected.pk)
    assert later.value.reason == "address_changed"
    assert not hook_calls
