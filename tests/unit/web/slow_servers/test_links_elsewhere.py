"""A link on another site starts no sign-in: whoever follows it is asked first."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from tests.pages import page_text
from tests.unit.web.conftest import sign_in

from elonara.bluesky.models import AuthorizationRequest


class TestALinkOnAnotherSite:
    @pytest.mark.parametrize("signed_in", [False, True])
    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "something-new"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"referer": "https://evil.example/page"},
            {"referer": "https://testserver.evil.example/"},
        ],
    )
    def test_asks_first(self, headers, signed_in, server, bob):
        browser = Client(headers=headers)
        if signed_in:
            sign_in(browser, bob)
        response = browser.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        assert response.status_code == 200
        assert "<button" in page_text(response)
        assert not AuthorizationRequest.objects.exists()
        assert not server.network.requests

    def test_the_button_there_starts_it(self, client, server):
        response = client.get(
            "/auth/bluesky/start", {"handle": "bob.example.com"}, headers={"referer": "http://testserver/x"}
        )
        assert parse_qs(urlsplit(response["location"]).query)["request_uri"]
