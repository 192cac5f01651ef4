"""From "Continue with Bluesky" to tokens, with servers and callbacks that cannot be trusted."""

import pytest
from tests.fakes.oauth import ALICE, BOB, SCOPE, AuthorizationServer, query_of

from elonara.atproto.errors import (
    AccessDenied,
    BadState,
    IdentityError,
    InvalidGrant,
    MissingScope,
    NetworkError,
    OAuthError,
    WrongAccount,
    WrongIssuer,
)
from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import LoopbackClient
from elonara.atproto.oauth.metadata import BadServer
from elonara.atproto.oauth.secret import Secret


def test_a_handle_leads_to_a_pushed_request_and_a_url_with_its_reference_alone(client, server, network):
    started = client.begin("alice.example.com", scope=SCOPE)
    assert (started.did, started.handle, started.pds_url) == (ALICE, "alice.example.com", server.pds)
    assert started.issuer == server.issuer
    assert started.authorize_url.startswith("https://auth.example/authorize?")
    assert sorted(query_of(started.authorize_url)) == ["client_id", "request_uri"]
    pushed = network.sent("/par")[-1].form
    assert pushed["login_hint"] == "alice.example.com"
    assert pushed["state"] == started.state.reveal()
    assert started.verifier.reveal() not in pushed.values()


def test_the_code_is_exchanged_for_tokens(signed_in, server):
    _, tokens = signed_in
    assert (tokens.did, tokens.handle, tokens.pds_url) == (ALICE, "alice.example.com", server.pds)
    assert (tokens.issuer, tokens.scope) == (server.issuer, SCOPE)
    assert tokens.access_token.reveal() == server.sessions[0].access_token
    assert tokens.refresh_token.reveal() == server.sessions[0].refresh_token


def test_state_verifier_and_key_are_new_for_every_request(client, server):
    requests = [client.begin("alice.example.com", scope=SCOPE) for _ in range(3)]
    assert len({request.state.reveal() for request in requests}) == 3
    assert len({request.verifier.reveal() for request in requests}) == 3
    assert len({request.dpop_key.thumbprint for request in requests}) == 3
    assert all(len(request.state.reveal()) >= 43 and len(request.verifier.reveal()) >= 43 for request in requests)


def test_the_nonce_of_the_first_response_is_used_for_the_whole_flow(client, server, network):
    started = client.begin("alice.example.com", scope=SCOPE)
    assert len(network.sent("/par")) == 2  # the first without a nonce
    client.finish(started, server.approve(started.authorize_url, ALICE))
    assert len(network.sent("/token")) == 1


def test_a_confidential_client_sends_a_new_assertion_with_every_attempt(confidential, server, network):
    started = confidential.begin("alice.example.com", scope=SCOPE)
    tokens = confidential.finish(started, server.approve(started.authorize_url, ALICE))
    assert tokens.did == ALICE
    assert started.kid
    first, second = (request.form["client_assertion"] for request in network.sent("/par"))
    assert first != second


def test_a_confidential_session_keeps_its_key_after_a_rotation(confidential, server, keyring):
    old = list(keyring.jwks()["keys"])[1]["kid"]
    started = confidential.begin("alice.example.com", scope=SCOPE)
    tokens = confidential.finish(started, server.approve(started.authorize_url, ALICE))
    server.jwks["keys"] = [key for key in server.jwks["keys"] if key["kid"] == old]
    with pytest.raises(OAuthError) as caught:
        confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, ALICE)
    assert caught.value.code == "invalid_client"
    assert confidential.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, old, ALICE).did == ALICE


def test_a_server_without_our_auth_method_gets_no_request(client, server, network):
    server.lies = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    with pytest.raises(BadServer):
        client.begin("alice.example.com", scope=SCOPE)
    assert not network.sent("/par")


def test_a_request_can_begin_with_the_name_of_a_pds_or_of_an_authorization_server(client, server, network):
    for name, pds in [("https://pds.example", server.pds), ("pds.example", server.pds), ("https://auth.example", "")]:
        started = client.begin(server=name, scope=SCOPE)
        assert (started.did, started.pds_url, started.issuer) == (None, pds, server.issuer)
        assert "login_hint" not in network.sent("/par")[-1].form
        tokens = client.finish(started, server.approve(started.authorize_url, BOB))
        assert (tokens.did, tokens.handle, tokens.pds_url) == (BOB, "bob.example.com", server.pds)


def test_an_https_identifier_is_a_server(client, server):
    assert client.begin("https://auth.example/", scope=SCOPE).did is None


@pytest.mark.parametrize(
    "name", ["https://pds.example/path", "https://pds.example?x", "https://u@pds.example", "https://"]
)
def test_a_server_name_with_path_or_user_is_refused(client, server, network, name):
    with pytest.raises(BadServer):
        client.begin(server=name, scope=SCOPE)
    assert not network.requests


def test_a_handle_that_the_account_does_not_confirm_reaches_no_server(client, server, network):
    network.documents[ALICE]["alsoKnownAs"] = ["at://else.example.com"]
    with pytest.raises(IdentityError) as caught:
        client.begin("alice.example.com", scope=SCOPE)
    assert caught.value.reason == "handle_mismatch"


def test_without_a_verified_handle_the_login_hint_is_the_did(client, server, network):
    network.txt["_atproto.alice.example.com"] = [f"did={BOB}"]
    started = client.begin(ALICE, scope=SCOPE)
    assert started.handle == "handle.invalid"
    assert network.sent("/par")[-1].form["login_hint"] == ALICE


@pytest.mark.parametrize("scope", ["", "transition:generic", "repo:app.bsky.feed.post?action=create"])
def test_the_scope_atproto_is_always_requested(client, server, scope):
    with pytest.raises(ValueError, match="atproto"):
        client.begin("alice.example.com", scope=scope)


def test_a_scope_that_the_client_did_not_declare_is_a_value_error(client, server):
    with pytest.raises(ValueError, match="account:email"):
        client.begin("alice.example.com", scope="atproto account:email")


def test_a_refused_request_raises_with_its_code(network, server, resolver, nonces):
    client = OAuthClient(network, resolver, LoopbackClient("http://127.0.0.1/x", "atproto forbidden"), nonces)
    with pytest.raises(OAuthError) as caught:
        client.begin("alice.example.com", scope="atproto forbidden")
    assert caught.value.code == "invalid_scope"


def test_a_par_response_without_request_uri_is_refused(client, server):
    server._par = lambda *_: {"request_uri": 17}
    with pytest.raises(BadServer):
        client.begin("alice.example.com", scope=SCOPE)


def test_a_server_that_always_wants_another_nonce_is_asked_twice_and_no_more(client, server, network):
    server.nonce_loop = True
    with pytest.raises(OAuthError) as caught:
        client.begin("alice.example.com", scope=SCOPE)
    assert caught.value.code == "use_dpop_nonce"
    assert len(network.sent("/par")) == 2


# The callback


@pytest.mark.promise("issuer-checked")
@pytest.mark.parametrize("iss", ["https://evil.example", "", None, "https://auth.example/", "https://AUTH.example"])
def test_a_wrong_or_missing_issuer_stops_before_the_code_is_used(client, server, network, iss):
    started = client.begin("alice.example.com", scope=SCOPE)
    params = server.approve(started.authorize_url, ALICE) | {"iss": iss}
    with pytest.raises(WrongIssuer):
        client.finish(started, {name: value for name, value in params.items() if value is not None})
    assert not network.sent("/token")


@pytest.mark.promise("issuer-checked")
def test_mix_up_the_code_of_one_server_is_never_sent_to_another(client, server, network):
    evil = AuthorizationServer(network, "https://evil.example", "https://evilpds.example")
    network.person("did:plc:malloryaaaaaaaaaaaaaaaaa", "mallory.example.com", evil.pds)
    honest = client.begin("alice.example.com", scope=SCOPE)
    attacked = client.begin("mallory.example.com", scope=SCOPE)
    params = server.approve(honest.authorize_url, ALICE) | {"state": attacked.state.reveal()}
    with pytest.raises(WrongIssuer):
        client.finish(attacked, params)
    assert not network.sent("/token")


def test_the_issuer_is_checked_before_an_error_is_read(client, server):
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(WrongIssuer):
        client.finish(started, server.deny(started.authorize_url) | {"iss": "https://evil.example"})


def test_access_denied_by_the_user_has_its_own_error(client, server, network):
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(AccessDenied):
        client.finish(started, server.deny(started.authorize_url))
    assert not network.sent("/token")


@pytest.mark.parametrize("state", ["", "other", "ä", "\ud800"])
def test_another_state_is_refused(client, server, network, state):
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(BadState):
        client.finish(started, server.approve(started.authorize_url, ALICE) | {"state": state})
    assert not network.sent("/token")


def test_a_callback_without_a_code_is_refused(client, server):
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(OAuthError) as caught:
        client.finish(started, {"iss": server.issuer, "state": started.state.reveal()})
    assert caught.value.code == "invalid_request"


def test_a_request_of_the_site_under_another_url_must_begin_again(client, server, network, resolver, nonces):
    started = client.begin("alice.example.com", scope=SCOPE)
    moved = OAuthClient(network, resolver, LoopbackClient("http://127.0.0.1:9000/x", SCOPE), nonces)
    with pytest.raises(BadState):
        moved.finish(started, server.approve(started.authorize_url, ALICE))


def test_a_code_works_once(client, server):
    started = client.begin("alice.example.com", scope=SCOPE)
    params = server.approve(started.authorize_url, ALICE)
    client.finish(started, params)
    with pytest.raises(InvalidGrant):
        client.finish(started, params)


# The grant


@pytest.mark.promise("right-account")
def test_the_token_of_another_account_is_refused_and_revoked(client, server):
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(WrongAccount) as caught:
        client.finish(started, server.approve(started.authorize_url, BOB))
    assert (caught.value.expected, caught.value.got) == (ALICE, BOB)
    assert not server.sessions[0].alive


def test_a_grant_without_atproto_is_refused_and_revoked(client, server):
    server.grants = {"scope": "repo:app.bsky.feed.post?action=create"}
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(MissingScope):
        client.finish(started, server.approve(started.authorize_url, ALICE))
    assert not server.sessions[0].alive


@pytest.mark.parametrize("scope", [None, "", 17, "atproto-ish"])
def test_a_grant_without_a_usable_scope_is_refused(client, server, scope):
    server.grants = {"scope": scope}
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(MissingScope):
        client.finish(started, server.approve(started.authorize_url, ALICE))


def test_the_scope_is_the_granted_one(client, server):
    server.grants = {"scope": "atproto"}
    started = client.begin("alice.example.com", scope=SCOPE)
    assert client.finish(started, server.approve(started.authorize_url, ALICE)).scope == "atproto"


@pytest.mark.promise("server-owns-account")
def test_a_server_cannot_issue_tokens_for_an_account_hosted_elsewhere(client, server, network):
    evil = AuthorizationServer(network, "https://evil.example", "https://evilpds.example")
    started = client.begin(server="https://evil.example", scope=SCOPE)
    with pytest.raises(WrongIssuer) as caught:
        client.finish(started, evil.approve(started.authorize_url, ALICE))
    assert caught.value.expected == server.issuer
    assert not evil.sessions[0].alive


def test_a_server_cannot_issue_tokens_for_a_did_that_does_not_exist(client, server):
    started = client.begin(server=server.issuer, scope=SCOPE)
    with pytest.raises(IdentityError):
        client.finish(started, server.approve(started.authorize_url, "did:plc:nobodyyyyyyyyyyyyyyyyyyyy"))
    assert not server.sessions[0].alive


def test_an_account_that_moved_to_another_pds_during_the_flow_is_noticed(client, server, network):
    client.begin("alice.example.com", scope=SCOPE)  # the resolver now remembers her old home
    started = client.begin(server=server.issuer, scope=SCOPE)
    AuthorizationServer(network, "https://new.example", "https://newpds.example")
    network.person(ALICE, "alice.example.com", "https://newpds.example")
    with pytest.raises(WrongIssuer):
        client.finish(started, server.approve(started.authorize_url, ALICE))


@pytest.mark.parametrize(
    "grant",
    [
        {"token_type": "Bearer"},
        {"token_type": None},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": "a\r\nb"},
        {"sub": None},
        {"sub": "alice.example.com"},
        {"sub": ["did:plc:x"]},
        {"refresh_token": 5},
    ],
)
def test_an_unusable_grant_is_refused(client, server, grant):
    server.grants = grant
    started = client.begin("alice.example.com", scope=SCOPE)
    with pytest.raises(NetworkError) as caught:
        client.finish(started, server.approve(started.authorize_url, ALICE))
    assert caught.value.ambiguous


def test_a_failed_revocation_does_not_hide_the_reason(client, server, network):
    started = client.begin("alice.example.com", scope=SCOPE)
    network.faults = [("/revoke", "before", NetworkError("gone", ambiguous=True))]
    with pytest.raises(WrongAccount):
        client.finish(started, server.approve(started.authorize_url, BOB))


def test_a_request_rebuilt_from_storage_can_be_finished(client, server):
    begun = client.begin("alice.example.com", scope=SCOPE)
    params = server.approve(begun.authorize_url, ALICE)
    kind, key = type(begun), type(begun.dpop_key).from_json(begun.dpop_key.to_json())
    rebuilt = kind(
        state=Secret(params["state"]),
        verifier=Secret(begun.verifier.reveal()),
        dpop_key=key,
        issuer=begun.issuer,
        did=begun.did,
        client_id=begun.client_id,
        redirect_uri=begun.redirect_uri,
        scope=begun.scope,
    )
    assert client.finish(rebuilt, params).did == ALICE
