"""The syntax of identifiers, with the examples of the specifications."""

import pytest
from atproto_core.uri import AtUri as OracleUri
from hypothesis import given
from hypothesis import strategies as st

from elonara.atproto.syntax import (
    AtUri,
    is_did,
    is_did_plc,
    is_handle,
    is_nsid,
    is_record_key,
    normalize_handle,
    normalize_identifier,
)

DIDS = [
    "did:method:val",
    "did:method:VAL",
    "did:method:val123",
    "did:method:123",
    "did:method:val-two",
    "did:method:val_two",
    "did:method:val.two",
    "did:method:val:two",
    "did:method:val%BB",
    "did:m:v",
    "did:method::::val",
    "did:plc:7iza6de2dwap2sbkpav7c6c6",
    "did:web:example.com",
    "did:web:localhost%3A1234",
    "did:key:zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N",
    "did:ethr:0xb9c5714089478a327f09197987f16f9e5d936e8a",
]
NOT_DIDS = [
    "",
    "did",
    "didmethodval",
    "method:did:val",
    "did:method:",
    "didmethod:val",
    "did:methodval",
    ":did:method:val",
    "did.method.val",
    "did:method:val:",
    "did:method:val%",
    "DID:method:val",
    "did:METHOD:val",
    "did:m123:val",
    "did:method:val/two",
    "did:method:val?two",
    "did:method:val#two",
    "did:method:val\n",
    " did:method:val",
    "did:method:vál",
    "did:m:" + "v" * 2048,
]
HANDLES = [
    "A.ISI.EDU",
    "XX.LCS.MIT.EDU",
    "SRI-NIC.ARPA",
    "john.test",
    "jan.test",
    "a234567890123456789.test",
    "john2.test",
    "john-john.test",
    "john.bsky.app",
    "jo.hn",
    "a.co",
    "a.org",
    "joh.n",
    "j0.h0",
    "jaymome-johnber123456.test",
    "jay.mome-johnber123456.test",
    "john.test.bsky.app",
    "laptop.local",
    "laptop.arpa",
    "xn--ls8h.test",
    "xn--bcher-kva.tld",
    "3jane.com",
    "8.cn",
    "blah.org",
    "a.b.c.d.e.f.g.h",
    "12345.test",
    "4chan.org",
]
NOT_HANDLES = [
    "",
    "did:thing.test",
    "john-.test",
    "john.0",
    "john.-",
    "xn--bcher-.tld",
    "john..test",
    "jo_hn.test",
    "-john.test",
    ".john.test",
    "jo!hn.test",
    "john",
    "john.",
    ".john",
    "john.test.",
    ".test",
    "joh\u1ef3n.test",
    "@john.test",
    "john .test",
    "jo hn",
    "john.test\n",
    "127.0.0.1",
    "org",
    "www.masełkowski.pl.com",
    "a" * 64 + ".test",
    ("abc." * 64) + "test",
    "cn.8",
    "thing.0aa",
]


@pytest.mark.parametrize("text", DIDS)
def test_these_are_dids(text):
    assert is_did(text)


@pytest.mark.parametrize("text", NOT_DIDS)
def test_these_are_not_dids(text):
    assert not is_did(text)


def test_a_did_plc_has_24_base32_characters():
    assert is_did_plc("did:plc:7iza6de2dwap2sbkpav7c6c6")
    for text in (
        "did:plc:7iza6de2dwap2sbkpav7c6c",
        "did:plc:7IZA6DE2DWAP2SBKPAV7C6C6",
        "did:plc:0iza6de2dwap2sbkpav7c6c6",
        "did:plc:7iza6de2dwap2sbkpav7c6c6/../x",
        "did:web:7iza6de2dwap2sbkpav7c6c6",
    ):
        assert not is_did_plc(text)


@pytest.mark.parametrize("text", HANDLES)
def test_these_are_handles(text):
    assert is_handle(text)


@pytest.mark.parametrize("text", NOT_HANDLES)
def test_these_are_not_handles(text):
    assert not is_handle(text)


@pytest.mark.parametrize(
    "typed",
    [
        "alice.example.com",
        "@alice.example.com",
        " Alice.Example.COM ",
        "at://alice.example.com",
        "\u202a@alice.example.com\u202c",
        "https://bsky.app/profile/alice.example.com",
        "https://bsky.app/profile/alice.example.com/",
        "\ufeffalice.example.com\u200b",
    ],
)
def test_a_typed_or_pasted_handle_is_normalized(typed):
    assert normalize_handle(typed) == "alice.example.com"
    assert normalize_identifier(typed) == "alice.example.com"


def test_a_did_keeps_its_case():
    assert normalize_identifier(" at://did:web:Example.com ") == "did:web:Example.com"
    assert normalize_identifier("https://bsky.app/profile/did:plc:7iza6de2dwap2sbkpav7c6c6").startswith("did:plc:")


@given(st.text())
def test_any_text_can_be_checked(text):
    for ask in (is_did, is_did_plc, is_handle, is_nsid, is_record_key):
        assert ask(text) in {True, False}
    once = normalize_handle(text)
    if is_handle(once):
        assert normalize_handle(once) == once


@given(st.from_regex(r"([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\.){1,4}[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True))
def test_generated_handles_are_handles(text):
    assert is_handle(text)


def test_nsids_and_record_keys():
    for text in ("app.bsky.feed.post", "com.atproto.repo.createRecord", "a.b.c", "com.example.fooBar"):
        assert is_nsid(text)
    for text in (
        "",
        "app.bsky",
        "app.bsky.feed.post.",
        "app.bsky.feed.3",
        "app.bsky.feed.foo-bar",
        "a b.c.d",
        "app/bsky/post",
    ):
        assert not is_nsid(text)
    for text in ("3jui7kd54zh2y", "self", "example.com", "~1.2-3_", "pre:fix", "_"):
        assert is_record_key(text)
    for text in ("", ".", "..", "a/b", "a b", "#x", "é", "a" * 513, "self\n"):
        assert not is_record_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "at://did:plc:7iza6de2dwap2sbkpav7c6c6",
        "at://alice.example.com/app.bsky.feed.post",
        "at://did:web:example.com/app.bsky.feed.post/3jui7kd54zh2y",
    ],
)
def test_an_at_uri_is_parsed_and_written(text):
    uri = AtUri.parse(text)
    assert str(uri) == text
    oracle = OracleUri.from_str(text)
    assert (uri.authority, uri.collection, uri.rkey) == (oracle.hostname, oracle.collection, oracle.rkey)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "at://",
        "at:///x",
        "http://a.com/x.y.z/a",
        "at://alice",
        "at://a.com/",
        "at://a.com/x.y.z/",
        "at://a.com/x.y.z/a/b",
        "at://a.com/post/1",
        "at://a.com/x.y.z/a#b",
        "at://a.com/x.y.z/..",
        "at://a.com?x",
        "AT://a.com",
    ],
)
def test_what_is_not_an_at_uri_is_refused(text):
    with pytest.raises(ValueError, match=r"at://"):
        AtUri.parse(text)
