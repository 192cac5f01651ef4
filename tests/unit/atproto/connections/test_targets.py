"""The parts of a URL: as httpx2 takes it apart, with parameters behind it, and where redirects lead."""

import httpx2
import pytest

from elonara.atproto.connections.targets import target
from elonara.atproto.errors import AddressRefused

URLS = [
    "https://example.com",
    "https://EXAMPLE.com:443/a b?x=ü#frag",
    "https://bücher.example/ä",
    "http://127.0.0.1:2583/xrpc/x?y=1",
    "https://me:secret@example.com/",
    "https://[2001:db8::1]:8443/x",
]


@pytest.mark.parametrize("url", URLS)
def test_the_parts_are_those_that_httpx2_finds(url):
    found, expected = target(url), httpx2.URL(url)
    for part in ("scheme", "userinfo", "raw_host", "port", "netloc", "raw_path"):
        assert getattr(found, part) == getattr(expected, part)
    assert found.text == str(expected)


@pytest.mark.parametrize("url", [url for url in URLS if "?" not in url])
@pytest.mark.parametrize(
    "params", [{"actor": "did:plc:x", "q": "a b&c=ü"}, [("actors", "a"), ("actors", "b")], {"x": ""}]
)
def test_parameters_are_written_as_httpx2_writes_them(url, params):
    found = target(url).with_params(params)
    expected = httpx2.URL(url).copy_merge_params(params)
    assert (found.raw_path, found.text) == (expected.raw_path, str(expected))


def test_parameters_go_behind_a_query_and_before_no_fragment():
    found = target("https://example.com/a?b=c#d").with_params({"e": "f"})
    assert (found.raw_path, found.text) == (b"/a?b=c&e=f", "https://example.com/a?b=c&e=f")


@pytest.mark.parametrize("location", ["/x", "x?y=1", "//other.example/z", "https://other.example/", "?q", "#f", ""])
@pytest.mark.parametrize("url", URLS)
def test_redirects_lead_where_httpx2_would_go(url, location):
    assert target(url).joined(location).text == str(httpx2.URL(url).join(location))


@pytest.mark.parametrize("url", ["https://[::1", "https://a\x00b/", "\x7f"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(AddressRefused):
        target(url)


@pytest.mark.parametrize("location", ["https://a\x00b/", "\x7f"])
def test_a_redirect_to_what_is_no_url_is_refused(location):
    with pytest.raises(AddressRefused):
        target("https://example.com/").joined(location)


def test_parameters_that_cannot_be_written_are_refused():
    with pytest.raises(AddressRefused):
        target("https://example.com/").with_params({"actor": "\ud800"})
