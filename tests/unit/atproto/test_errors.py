"""The error types: their attributes and messages."""

import pickle
import subprocess
import sys

import pytest

from elonara.atproto import errors


@pytest.mark.parametrize(
    ("kind", "ambiguous"),
    [
        (errors.AddressRefused, False),
        (errors.NameNotFound, False),
        (errors.BodyTooLarge, True),
        (errors.SlowBody, True),
    ],
)
def test_network_errors_say_whether_the_request_may_have_been_carried_out(kind, ambiguous):
    fault = kind("words")
    assert isinstance(fault, errors.NetworkError)
    assert isinstance(fault, errors.AtprotoError)
    assert fault.ambiguous is ambiguous
    assert str(fault) == "words"


def test_oauth_errors_hold_expected_and_actual_values():
    fault = errors.WrongAccount("did:plc:a", "did:plc:b")
    assert (fault.code, fault.expected, fault.got) == ("wrong_account", "did:plc:a", "did:plc:b")
    fault = errors.WrongIssuer("https://a.example.com", "")
    assert (fault.code, str(fault)) == ("wrong_issuer", "wrong_issuer: expected https://a.example.com, got none")
    fault = errors.MissingScope({"atproto", "b"}, {"b"})
    assert (fault.code, fault.granted) == ("missing_scope", {"b"})
    assert errors.BadState("used").code == "bad_state"
    assert errors.AccessDenied().code == "access_denied"


def test_a_malformed_response_is_an_ambiguous_xrpc_error():
    fault = errors.MalformedResponse(200, "words")
    assert isinstance(fault, errors.XrpcError)
    assert fault.ambiguous
    assert str(fault) == "200 MalformedAnswer: words"


def test_importing_the_package_imports_neither_django_nor_dns():
    code = (
        "import sys, elonara.atproto; assert 'httpx2' not in sys.modules;"
        "from elonara.atproto import errors, syntax, tid; assert 'httpx2' not in sys.modules;"
        "from elonara.atproto import app_password, identity, records;"
        "print(sorted({'django', 'dns', 'httpx', 'atproto', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kinds_are_plain_words():
    assert pickle.loads(pickle.dumps(errors.ErrorKind.RATE_LIMITED)) is errors.ErrorKind.RATE_LIMITED
    assert f"{errors.ErrorKind.RATE_LIMITED}" == "rate_limited"
