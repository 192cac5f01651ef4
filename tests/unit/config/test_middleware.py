import dataclasses

import pytest
from django.http import HttpResponse

from elonara import trace
from elonara.config.middleware import OneLoopbackName, RequestId, TrustedProxies


def echo(request):
    """A view whose response has the META and the trace id of the request in `seen`."""
    response = HttpResponse("here")
    response.seen = dict(request.META, trace=trace.current())
    return response


@pytest.fixture
def proxies(settings):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=("10.0.0.0/8", "127.0.0.1"))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)


FORWARDED = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9, 10.0.0.7", "HTTP_X_FORWARDED_PROTO": "https"}


@pytest.mark.promise("visitors-apart")
def test_a_stranger_cannot_claim_https_or_an_address(rf, proxies):
    seen = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR="203.0.113.5", **FORWARDED)).seen
    assert not any(name.startswith("HTTP_X_FORWARDED") for name in seen)
    assert seen["REMOTE_ADDR"] == "203.0.113.5"


def test_without_trusted_proxies_even_this_machine_is_not_trusted(rf):
    seen = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR="127.0.0.1", **FORWARDED)).seen
    assert "HTTP_X_FORWARDED_PROTO" not in seen
    assert seen["REMOTE_ADDR"] == "127.0.0.1"


def test_the_visitors_address_is_the_one_that_the_trusted_proxy_appended(rf, proxies):
    seen = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR="127.0.0.1", **FORWARDED)).seen
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "https"


@pytest.mark.parametrize("junk", ["", "not an address", ","])
def test_a_malformed_header_changes_nothing(rf, proxies, junk):
    seen = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=junk)).seen
    assert seen["REMOTE_ADDR"] == "10.0.0.1"


def test_each_request_has_its_own_id(rf):
    first, second = RequestId(echo)(rf.get("/")), RequestId(echo)(rf.get("/"))
    assert first.headers["X-Request-Id"] == first.seen["trace"] != second.headers["X-Request-Id"]
    assert trace.current() == "-"


def test_only_a_proxy_may_set_the_request_id(rf, proxies):
    def both(request):
        return TrustedProxies(RequestId(echo))(request).headers["X-Request-Id"]

    given = {"HTTP_X_REQUEST_ID": "proxy-0001", **FORWARDED}
    assert both(rf.get("/", REMOTE_ADDR="10.0.0.1", **given)) == "proxy-0001"
    assert both(rf.get("/", REMOTE_ADDR="203.0.113.5", **given)) != "proxy-0001"
    assert both(rf.get("/", REMOTE_ADDR="10.0.0.1", **{**given, "HTTP_X_REQUEST_ID": "a\nb"})).startswith("req-")


def test_localhost_redirects_to_127_0_0_1_with_path_and_query(rf, settings):
    answer = OneLoopbackName(echo)(rf.get("/events?q=a", HTTP_HOST="localhost:8000"))
    assert (answer.status_code, answer["Location"]) == (302, "http://127.0.0.1:8000/events?q=a")


@pytest.mark.parametrize(
    ("host", "path", "method"),
    [("127.0.0.1:8000", "/", "GET"), ("localhost:8000", "/health", "GET"), ("localhost:8000", "/", "POST")],
)
def test_other_requests_are_not_redirected(rf, host, path, method):
    assert OneLoopbackName(echo)(rf.generic(method, path, HTTP_HOST=host)).status_code == 200


def test_a_public_site_does_not_redirect_localhost(rf, settings):
    site = dataclasses.replace(settings.ELONARA.site, url="https://events.example.org")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    assert OneLoopbackName(echo)(rf.get("/", HTTP_HOST="localhost:8000")).status_code == 200
