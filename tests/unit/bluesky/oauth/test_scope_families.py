"""Servers that know no permissions are asked once more by `transition:generic`, and nobody by both together."""

import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.fakes.oauth import ALICE

from elonara.bluesky import network
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import scopes
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.client import client_ids, jwks, metadata
from elonara.bluesky.oauth.outcomes import AskAgain, AuthorizationFailed, Connected, SignedIn

TRANSITION = "atproto transition:generic"
WORDS = [
    ("invalid_scope", "Unsupported scope: repo:app.bsky.feed.post"),
    ("invalid_scope", ""),
    ("invalid_request", 'unknown scope resource "repo"'),
    ("invalid scope parameters in rpc", ""),
]


@pytest.fixture(params=["loopback", "public"])
def public(request, set_options, server, transactional_db):
    """The site on this machine, whose client id names its scopes; and a public one, whose metadata does."""
    if request.param == "public":
        set_options(site={"url": "https://events.example"})
        server.jwks = jwks()
    return request.param


def granular():
    return next(one for one in scopes.families() if not scopes.is_transition(one))


def begin(service, member, purpose="connect", browser="hers"):
    handle = "alice.example.com"
    return service.begin(purpose, handle, member=member, browser=browser, confirmed=True, next="/events")


def connect(service, server, member):
    return service.finish(server.approve(begin(service, member), ALICE), browser="hers")


@pytest.mark.parametrize("words", WORDS)
def test_connect_falls_back_once_and_everything_works(service, server, member, public, words):
    server.knows, server.scope_words = "transition", words
    outcome = connect(service, server, member)
    assert isinstance(outcome, Connected)
    assert server.asked == [granular(), TRANSITION]
    found = service.get_identity_for_member(member.pk)
    assert (found.scope, found.can_read_graph, found.can_write) == (TRANSITION, True, True)
    assert found.not_granted == []
    row = MemberIdentity.objects.get()
    assert row.client_id in client_ids()
    assert oauth_sessions.fresh_token(row.pk, refused=server.sessions[-1].access_token)
    assert service.disconnect(member)
    assert not server.sessions[-1].alive


def test_a_server_that_knows_permissions_is_asked_for_these_alone(service, server, member, public):
    for knows in ("everything", "permissions"):
        server.knows = knows
        connect(service, server, member)
    assert set(server.asked) == {granular()}


@pytest.mark.parametrize("words", WORDS[:2])
def test_a_server_that_refuses_both_is_asked_twice_and_no_more(service, server, member, net, words):
    server.scope_words = words
    server._unknown = lambda scope: {"everything"}
    with pytest.raises(AuthorizationFailed) as failed:
        begin(service, member)
    assert (failed.value.reason, len(server.asked)) == ("server", 2)


@pytest.mark.parametrize(
    "words",
    [
        ("invalid_scope", 'Scope "repo:x" is not declared in the client metadata'),
        ("invalid_scope", "Scope 'repo:x' not registered for this client"),
        ("invalid_request", "redirect_uri is not registered"),
        ("invalid_client", "scope"),
        ("access_denied", "no scope for you"),
    ],
)
def test_any_other_refusal_asks_for_no_more(service, server, member, words):
    """An old copy of our metadata at the server is no reason to ask for everything."""
    server.knows, server.scope_words = "transition", words
    with pytest.raises(AuthorizationFailed):
        begin(service, member)
    assert server.asked == [granular()]


@pytest.mark.parametrize("purpose", ["sign_in", "prove"])
def test_signing_in_asks_for_who_it_is_alone_everywhere(service, server, public, purpose):
    server.knows = "transition"
    url = begin(service, None, purpose)
    outcome = service.finish(server.approve(url, ALICE), browser="hers")
    assert server.asked == ["atproto"]
    assert isinstance(outcome, SignedIn) or purpose == "prove"


def test_a_refusal_on_the_servers_page_asks_once_more(service, server, member, public):
    server.knows, server.refuses_in = "transition", "page"
    again = connect(service, server, member)
    assert isinstance(again, AskAgain)
    assert not MemberIdentity.objects.exists()
    outcome = service.finish(server.approve(again.authorize_url, ALICE), browser="hers")
    assert isinstance(outcome, Connected)
    assert outcome.next == "/events"
    assert server.asked == [granular(), TRANSITION]
    # And that is the end of it, should the server refuse this one too.
    server._unknown = lambda scope: {"everything"}
    server.knows = "everything"
    url = service.reauthorize(member, "hers")
    again = service.finish(server.approve(url, ALICE), browser="hers")
    with pytest.raises(AuthorizationFailed):
        service.finish(server.approve(again.authorize_url, ALICE), browser="hers")


def test_of_a_server_that_leaves_everything_out_reauthorize_asks_in_the_other_way(service, server, member, public):
    server.knows, server.refuses_in = "transition", ""
    connect(service, server, member)
    found = service.get_identity_for_member(member.pk)
    assert (found.scope, found.can_read_graph, found.can_write) == ("atproto", False, False)
    for _ in range(2):  # and so does the next one
        url = service.reauthorize(member, "hers")
        service.finish(server.approve(url, ALICE), browser="hers")
        assert service.get_identity_for_member(member.pk).can_write
    assert server.asked == [granular(), TRANSITION, TRANSITION]
    # Another server than that one is asked for permissions again.
    MemberIdentity.objects.update(no_permissions_issuer="https://other.example")
    service.reauthorize(member, "hers")
    assert server.asked[-1] == granular()


def test_a_partial_grant_is_no_sign_that_permissions_are_unknown(service, server, member):
    server.grants = {"scope": "atproto repo:app.bsky.feed.post?action=create&action=delete"}
    connect(service, server, member)
    found = service.get_identity_for_member(member.pk)
    assert (found.can_read_graph, found.can_write) == (False, True)
    service.reauthorize(member, "hers")
    assert server.asked == [granular(), granular()]


def test_the_setting_transition_falls_back_to_permissions(service, server, member, bluesky, public):
    bluesky(scopes="transition")
    connect(service, server, member)
    assert server.asked == [TRANSITION]
    server.asked.clear()
    server.knows, server.lies = "permissions", {"scopes_supported": ["atproto"]}
    network.discovery()._known.clear()
    url = service.reauthorize(member, secrets.token_hex(4))
    assert dict(parse_qsl(urlsplit(url).query))["client_id"] in client_ids()
    assert server.asked == [TRANSITION, granular()]


def test_the_metadata_declares_both_ways(set_options, net, transactional_db):
    set_options(site={"url": "https://events.example"})
    declared = metadata()["scope"].split()
    assert len(declared) == len(set(declared))
    assert set(declared) == {one for family in scopes.families() for one in family.split()}


@pytest.mark.parametrize(
    ("supported", "granted_nothing", "asked"),
    [
        ([], False, ["permissions", "transition"]),
        (["atproto"], False, ["permissions", "transition"]),
        (["atproto", "transition:generic", "transition:email"], False, ["permissions", "transition"]),
        (["atproto", "transition:generic", "transition:email"], True, ["transition"]),
        (["atproto", "repo:*", "rpc:*"], False, ["permissions"]),
        (["atproto", "repo", "blob?accept=*/*"], True, ["permissions"]),
        (["atproto", "repo:*", "transition:generic"], True, ["permissions", "transition"]),
        (["atproto"], True, ["permissions", "transition"]),
    ],
)
def test_what_is_asked_by_what_the_server_says(bluesky, supported, granted_nothing, asked):
    found = scopes.offers(supported, granted_nothing=granted_nothing)
    assert ["transition" if scopes.is_transition(one) else "permissions" for one in found] == asked
    assert not [one for one in found if scopes.is_transition(one) and one != TRANSITION]
