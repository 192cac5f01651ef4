import dataclasses

import pytest
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware

from elonara import trace
from elonara.config.middleware import OneLoopbackName, RequestId, TrustedProxies, visitor_address


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


@pytest.fixture
def behind_tls(proxies, settings):
    """A public site behind proxies of its own, which redirects to https."""
    site = dataclasses.replace(settings.ELONARA.site, url="https://events.example.org")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True


def through_security(request):
    return TrustedProxies(SecurityMiddleware(echo))(request)


@pytest.mark.parametrize("sent", [{}, {"HTTP_X_FORWARDED_PROTO": ""}, {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}])
@pytest.mark.parametrize("remote", ["10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1"])
def test_a_trusted_proxy_without_the_header_gets_a_page_that_names_it(rf, behind_tls, remote, sent):
    response = through_security(rf.get("/events?q=a", REMOTE_ADDR=remote, **sent))
    assert response.status_code == 500
    assert "X-Forwarded-Proto" in response.content.decode()
    assert "Location" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"


def test_a_proxy_that_is_not_trusted_gets_a_page_that_names_the_setting(rf, behind_tls):
    response = through_security(rf.get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_PROTO="https"))
    assert response.status_code == 500
    assert "http.trusted_proxies" in response.content.decode()
    assert "192.0.2.7" not in response.content.decode(), "a visitor need not learn how the site is built"


@pytest.mark.parametrize("proto", ["https", "HTTPS", " https ", "https, http"])
def test_https_in_any_spelling_is_https(rf, behind_tls, proto):
    response = through_security(rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_PROTO=proto))
    assert response.status_code == 200


def test_a_visitor_over_http_is_still_redirected(rf, behind_tls):
    for sent in ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_PROTO": "http"}, {"REMOTE_ADDR": "203.0.113.9"}):
        response = through_security(rf.get("/events", HTTP_HOST="127.0.0.1", **sent))
        assert (response.status_code, response["Location"]) == (301, "https://127.0.0.1/events")


def test_the_health_check_needs_no_header(rf, behind_tls):
    assert through_security(rf.get("/health", REMOTE_ADDR="10.0.0.1")).status_code == 200


MAPPED = ["::ffff:203.0.113.5", "::FFFF:203.0.113.5", "0:0:0:0:0:ffff:cb00:7105", "203.0.113.5"]


@pytest.mark.promise("visitors-apart")
@pytest.mark.parametrize("address", MAPPED)
def test_an_ipv4_address_in_an_ipv6_one_is_the_ipv4_address(rf, proxies, address):
    direct = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR=address, **FORWARDED)).seen
    assert direct["REMOTE_ADDR"] == "203.0.113.5"
    assert "HTTP_X_FORWARDED_PROTO" not in direct
    behind = TrustedProxies(echo)(rf.get("/", REMOTE_ADDR="::ffff:10.0.0.1", HTTP_X_FORWARDED_FOR=address)).seen
    assert behind["REMOTE_ADDR"] == "203.0.113.5"
    hops = f"6.6.6.6, {address}, ::ffff:10.9.9.9"
    assert visitor_address("127.0.0.1", hops) == "203.0.113.5"


@pytest.mark.parametrize("trusted", ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "10.0.0.1"])
def test_a_proxy_may_be_named_by_either_form(settings, trusted):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=(trusted,))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)
    for remote in ("10.0.0.1", "::ffff:10.0.0.1"):
        assert visitor_address(remote, "203.0.113.5") == "203.0.113.5"
    assert visitor_address("11.0.0.1", "203.0.113.5") == "11.0.0.1"


def test_trusting_every_ipv6_address_trusts_no_ipv4_address(settings):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=("::/0",))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)
    assert visitor_address("::ffff:10.0.0.1", "203.0.113.5") == "10.0.0.1"
