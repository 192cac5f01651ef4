"""Which addresses requests may go to."""

import httpx2
import pytest

from elonara.atproto.addresses import Allowed, check_url, is_public
from elonara.atproto.errors import AddressRefused

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::1%1",
    "feb0::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::1%eth0",
    "nonsense",
    "127.1",
    "2130706433",
    "0x7f000001",
    "1.2.3",
    "1.2.3.4.5",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "223.255.255.254",
    "2606:4700::1111",
    "2a00:1450:4001::8a",
    "2001:4860:4860::8888",
    "2400:cb00::1",
]

REFUSED_URLS = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:text/plain,x",
    "ws://example.com/",
    "//example.com/",
    "/path",
    "example.com",
    "https://example.com:80/",
    "https://example.com:8443/",
    "https://example.com:22/",
    "https://example.com:1/",
    "http://example.com:443/",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/",
    "https://:p@example.com/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://8.8.8.8/",
    "https://1.1.1.1:443/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[2606:4700::1111]/",
    "https://[fe80::1]/",
    "https://127.0.0.1./",
    "https://example.com./",
    "https://example..com/",
    "https://.example.com/",
    "https://example.0x1/",
    "https://a.1/",
    "https://a.b.09/",
    "https://localhost/",
    "https://metadata/",
    "https://intranet/",
    "https://１２７.０.０.１/",
    "https://①②⑦.⓪.⓪.①/",
    "https://exa%6Dple.com@localhost/",
]


@pytest.mark.promise("no-inside")
@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address):
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_in_a_refused_form_is_refused_before_any_lookup(url):
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return  # not even a URL for httpx2
    with pytest.raises(AddressRefused):
        check_url(parsed, Allowed())


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:443/x?y",
        "https://a-b.example.co.uk/",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://my_host.example.com/",
        "https://1.example.com/",
        "https://3com.de/",
        "HTTPS://EXAMPLE.COM/",
    ],
)
def test_https_of_a_host_name_is_allowed(url):
    check_url(httpx2.URL(url), Allowed())


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.1:2583", "http://127.0.0.1:2583/"),
        ("127.0.0.1:2583", "https://127.0.0.1:2583/"),
        ("localhost:80", "http://localhost/"),
        ("pds.internal", "https://pds.internal/"),
        ("PDS.example.com:8443", "https://pds.example.com:8443/"),
        ("[::1]:2583", "http://[::1]:2583/"),
        ("[::1]", "https://[::1]/"),
    ],
)
def test_an_exempted_host_and_port_are_allowed(entry, url):
    check_url(httpx2.URL(url), Allowed([entry]))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:2584/", "http://localhost:2583/", "http://127.0.0.2:2583/", "http://127.0.0.1/"]
)
def test_an_exemption_is_for_one_host_and_one_port(url):
    with pytest.raises(AddressRefused):
        check_url(httpx2.URL(url), Allowed(["127.0.0.1:2583"]))


def test_a_user_name_is_refused_even_for_an_exempted_host():
    with pytest.raises(AddressRefused):
        check_url(httpx2.URL("http://me:secret@127.0.0.1:2583/"), Allowed(["127.0.0.1:2583"]))


def test_an_exemption_that_is_not_host_and_port_is_an_error():
    with pytest.raises(ValueError, match="host:port"):
        Allowed(["http://127.0.0.1:2583/"])
