"""Secrets do not reach exceptions, logs or `repr`, even where a server repeats them."""

import base64
import logging
import pickle
import traceback
from urllib.parse import quote

import pytest
from tests.fakes.oauth import ALICE, SCOPE

from elonara.atproto.errors import AtprotoError
from elonara.atproto.oauth.secret import Secret
from elonara.atproto.oauth.server_exchange import scrubbed_error


def printed_exception(error):
    """Everything of an exception that a log or an error page could show."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def test_a_secret_is_shown_by_reveal_alone():
    secret = Secret("s3cr3t")
    assert secret.reveal() == "s3cr3t"
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{[secret]}", f"{ {'a': secret} }"):
        assert "s3cr3t" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret == Secret("s3cr3t")
    assert secret != Secret("other")
    assert secret != "s3cr3t"
    assert not Secret("")


def test_authorization_request_and_tokens_print_no_secret(signed_in):
    started, tokens = signed_in
    shown = repr(started) + repr(tokens) + str(started) + f"{tokens}"
    hidden = [started.state, started.verifier, tokens.access_token, tokens.refresh_token]
    assert not any(secret.reveal() in shown for secret in hidden)


def test_secrets_that_a_server_echoes_in_its_error_are_hidden(client, server, signed_in):
    started, tokens = signed_in
    server.echo = True
    tokens_before = tokens.refresh_token.reveal()
    client.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, "", ALICE)
    with pytest.raises(AtprotoError) as caught:
        client.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, "", ALICE)
    assert tokens_before not in printed_exception(caught.value)


def test_a_failed_exchange_shows_neither_code_nor_verifier(client, server):
    server.echo = True
    started = client.begin("alice.example.com", scope=SCOPE)
    params = server.approve(started.authorize_url, ALICE)
    server.codes.clear()
    with pytest.raises(AtprotoError) as caught:
        client.finish(started, params)
    shown = printed_exception(caught.value)
    for secret in (params["code"], started.verifier.reveal(), started.state.reveal()):
        assert secret not in shown


def test_a_refused_assertion_is_not_shown(confidential, server, network):
    server.jwks = {"keys": []}
    server.echo = True
    with pytest.raises(AtprotoError) as caught:
        confidential.begin("alice.example.com", scope=SCOPE)
    shown = printed_exception(caught.value)
    assertion = network.sent("/par")[-1].form["client_assertion"]
    assert assertion.rpartition(".")[2] not in shown


@pytest.mark.parametrize(
    "spell", [str, lambda text: quote(text, safe=""), lambda text: base64.b64encode(text.encode()).decode()]
)
def test_short_secrets_are_hidden_in_every_spelling(spell):
    error = scrubbed_error({"error": "invalid_grant", "error_description": f"no {spell('a+b/c')} here"}, ["a+b/c"])
    assert spell("a+b/c") not in printed_exception(error)
    assert "here" in error.description


def test_an_error_code_is_a_code():
    assert scrubbed_error({"error": "sekret"}, ["sekret"]).code != "sekret"
    assert scrubbed_error({"error": "x" * 60}, []).code == "bad_answer"
    assert scrubbed_error({"error": "<script>"}, []).code == "bad_answer"
    assert scrubbed_error({"error": {"a": 1}, "error_description": ["x"]}, []).code == "bad_answer"
    assert (
        scrubbed_error({"error": "invalid_scope", "error_description": "Not declared"}, []).description
        == "Not declared"
    )


def test_a_long_description_is_cut():
    assert len(scrubbed_error({"error": "a", "error_description": "word " * 1000}, []).description) <= 300


def test_nothing_is_logged(client, server, caplog):
    with caplog.at_level(logging.DEBUG):
        started = client.begin("alice.example.com", scope=SCOPE)
        client.finish(started, server.approve(started.authorize_url, ALICE))
    assert not caplog.records
