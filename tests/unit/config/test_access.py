"""The line and the count of each request."""

import dataclasses
import json
import logging
import time

import pytest
from django.http import HttpResponse
from django.test import Client

from elonara import counters, trace
from elonara.config import access, telemetry
from elonara.config.logs import Json, OneLine
from elonara.config.options import BadSetting
from elonara.housekeeping import metrics

TOKEN = "a-token-for-prometheus"
SECRET = "eine-anna.example-anna@example.org-7f3a"


@pytest.fixture
def lines(monkeypatch):
    """Access lines as both formats write them: pairs of text and the parsed JSON."""
    found = []

    class Both(logging.Handler):
        def emit(self, record):
            found.append((OneLine().format(record), json.loads(Json().format(record))))

    handler, log = Both(), logging.getLogger("elonara.access")
    log.addHandler(handler)
    monkeypatch.setattr(log, "level", logging.INFO)
    counters.of_this_process.clear()
    yield found
    log.removeHandler(handler)


@pytest.fixture
def client(db):
    return Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)


@pytest.mark.promise("access-lines")
@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("get", "/health", "/health", 200),
        ("get", f"/rsvp/{SECRET}", "/rsvp/<str:token>", 404),
        ("post", f"/rsvp/{SECRET}/stop", "/rsvp/<str:token>/stop", 404),
        ("post", f"/digest/{SECRET}", "/digest/<str:token>", 404),
        ("get", f"/i/{SECRET}?email=anna@example.org", "/i/<str:ref>", 404),
        ("get", f"/events/{SECRET}?q=anna", "(none)", 404),
        ("get", f"/{SECRET}", "(none)", 404),
        ("get", f"/first-run/{SECRET}", "/first-run/<str:token>", 404),
        ("get", f"/accounts/confirm-email/{SECRET}/", None, None),
        ("get", f"/accounts/password/reset/key/{SECRET}/", None, None),
        ("get", f"/auth/bluesky/callback?state={SECRET}&code={SECRET}", None, None),
        ("get", f"/profile/{SECRET}", None, None),
        ("get", f"/api/v1/events/{SECRET}", None, None),
        ("get", f"/admin/elonara/member/?q={SECRET}", None, 302),
        ("get", f"/static/{SECRET}.css", "/static/", 404),
        ("delete", "/about", "/about", None),
    ],
)
def test_each_request_has_one_line_with_its_id_and_no_word_of_a_visitor(lines, client, method, path, route, status):
    response = getattr(client, method)(path, headers={"referer": f"https://x.example/{SECRET}"})
    ((text, parsed),) = lines
    for part in (SECRET, "anna", "?", "example"):
        assert part not in text.replace("(?P<", "")
        assert part not in json.dumps(parsed).replace("(?P<", "")
    assert response.headers["X-Request-Id"] == parsed["trace"]
    assert f" {parsed['trace']} {method.upper()} {parsed['route']} {response.status_code} " in text
    assert (parsed["method"], parsed["status"]) == (method.upper(), response.status_code)
    assert parsed["ms"] > 0
    assert route is None or parsed["route"] == route
    assert status is None or parsed["status"] == status


def test_no_other_line_repeats_the_path_of_a_4xx(client, caplog):
    client.get(f"/{SECRET}")
    assert [record.name for record in caplog.records if SECRET in record.getMessage()] == []


def test_a_made_up_method_is_no_label(lines, client):
    client.generic("BREW\nforged", "/about")
    assert lines[0][1]["method"] == "OTHER"


def test_a_refusal_of_the_first_middleware_has_a_line_too(lines, client, settings):
    http = dataclasses.replace(settings.ELONARA.http, trusted_proxies=("127.0.0.1",))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, http=http)
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/about")
    assert response.status_code == lines[0][1]["status"] == 500
    assert response.headers["X-Request-Id"] == lines[0][1]["trace"]


def test_a_page_that_breaks_is_counted_as_500(lines, client, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr("elonara.web.home.render", broken)
    assert client.get("/about").status_code == 500
    text = metrics.render()
    assert 'route="/about",method="GET",status="500"} 1\n' in text
    assert 'route="/about",le="+Inf"} 1\n' in text


def test_a_request_costs_less_than_thirty_microseconds(rf, lines):
    request, response = rf.get("/"), HttpResponse(headers={"X-Request-Id": "req-1"})
    middleware = access.AccessLine(lambda _request: response)
    log = logging.getLogger("elonara.access")
    log.setLevel(logging.WARNING)  # without the line, whose cost is that of the stream behind it
    best = min(_seconds(middleware, request) for _ in range(5))
    assert best < 30e-6


def _seconds(middleware, request, times=1000):
    began = time.perf_counter()
    for _ in range(times):
        middleware(request)
    return (time.perf_counter() - began) / times


class TestScrapedInAPrivateNetwork:
    @pytest.fixture(autouse=True)
    def _public_site(self, settings):
        options = settings.ELONARA
        settings.ELONARA = dataclasses.replace(
            options,
            metrics=dataclasses.replace(options.metrics, token=TOKEN),
            http=dataclasses.replace(options.http, trusted_proxies=("10.0.0.0/8", "127.0.0.1")),
        )
        settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        settings.ALLOWED_HOSTS = ["events.example.org", "127.0.0.1"]

    def scrape(self, client, remote, token=TOKEN, **more):
        return client.get(
            "/metrics", REMOTE_ADDR=remote, HTTP_AUTHORIZATION=f"Bearer {token}", **{"HTTP_HOST": "web-1:8000"} | more
        )

    @pytest.mark.promise("metrics-private")
    @pytest.mark.parametrize(
        "remote", ["10.1.2.3", "192.168.0.9", "172.18.0.3", "::ffff:10.1.2.3", "fd00::5", "100.64.1.1"]
    )
    def test_by_http_and_any_name_with_the_token_alone(self, client, remote):
        assert self.scrape(client, remote).status_code == 200
        assert self.scrape(client, remote, token="another-token-1234").status_code == 404

    def test_other_pages_are_not_opened_by_it(self, client):
        for path in ("/about", "/metrics/", "/admin/jobs/"):
            assert client.get(path, REMOTE_ADDR="10.1.2.3", HTTP_HOST="web-1:8000").status_code in {400, 500}

    @pytest.mark.promise("metrics-private")
    def test_from_outside_the_rules_of_pages_hold(self, client):
        assert self.scrape(client, "8.8.8.8").status_code != 200
        by_http = {"HTTP_X_FORWARDED_PROTO": "http", "HTTP_X_FORWARDED_FOR": "8.8.8.8"}
        by_http["HTTP_HOST"] = "events.example.org"
        assert self.scrape(client, "10.0.0.1", **by_http).status_code == 301


class FakeTracer:
    """Keeps the spans that ended, as an exporter in memory does."""

    def __init__(self):
        self.ended = []

    def start_as_current_span(self, name, *, record_exception, set_status_on_exception):
        assert not record_exception
        assert not set_status_on_exception
        return FakeSpan(self, name)


class FakeSpan:
    def __init__(self, tracer, name):
        self.tracer, self.name, self.attributes = tracer, name, {}

    def __enter__(self):
        return self

    def __exit__(self, *_fault):
        self.tracer.ended.append(self)

    def update_name(self, name):
        self.name = name

    def set_attribute(self, key, value):
        self.attributes[key] = value


class TestTraces:
    @pytest.fixture
    def tracer(self):
        trace.set_tracer(FakeTracer())
        yield trace.tracer()
        trace.set_tracer(None)

    def test_a_request_is_a_span_named_by_its_route(self, tracer, client):
        response = client.get(f"/rsvp/{SECRET}")
        (span,) = tracer.ended
        assert span.name == "GET /rsvp/<str:token>"
        assert span.attributes == {
            "http.request.method": "GET",
            "http.route": "/rsvp/<str:token>",
            "http.response.status_code": 404,
            "elonara.request_id": response.headers["X-Request-Id"],
        }

    def test_off_without_the_setting(self):
        telemetry.start("")
        assert trace.tracer() is None
        with pytest.raises(RuntimeError), trace.span("x"):
            pass

    def test_the_setting_without_the_packages_is_refused_with_the_way_on(self, monkeypatch):
        def absent(name):
            raise ImportError(name)

        monkeypatch.setattr(telemetry.importlib, "import_module", absent)
        with pytest.raises(BadSetting, match=r"pip install 'elonara\[otel\]'"):
            telemetry.start("http://127.0.0.1:4318/v1/traces")
        assert trace.tracer() is None
