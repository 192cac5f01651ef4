"""What people paste to name others: handles, DIDs and links in every spelling."""

import time

import pytest

from elonara.invitations.people import pasted
from elonara.invitations.people.pasted import MAX_ENTRIES, MAX_TEXT, TooMuch

DID = "did:plc:abcdefghijklmnopqrstuvwx"


def names(text):
    return [entry.name for entry in pasted.read(text)]


@pytest.mark.parametrize(
    "text",
    [
        "ana.example",
        "@ana.example",
        "＠ana.example",
        "  @Ana.Example.  ",
        "ANA.EXAMPLE,",
        "(ana.example)",
        "“@ana.example”!",
        "<ana.example>;",
        "\u202a@ana.example\u202c",
        "\u2066@ana\u200b.example\u2069",
        "https://bsky.app/profile/ana.example",
        "https://bsky.app/profile/ana.example/",
        "HTTPS://BSKY.APP/profile/Ana.Example/post/3kabc?ref=x#y",
        "bsky.app/profile/ana.example",
        "https://bsky.app/profile/@ana.example",
        "https://another-app.example:8443/profile/ana.example/followers.",
        "at://ana.example",
        "at://ana.example/app.bsky.feed.post/3kabc",
        "- ana.example",
        "1. ana.example",
        "• @ana.example…",
    ],
)
def test_every_spelling_of_a_handle(text):
    assert names(text) == ["ana.example"]


@pytest.mark.parametrize(
    "text",
    [
        DID,
        f"@{DID}.",
        f"https://bsky.app/profile/{DID}",
        f"https://bsky.app/profile/{DID.replace(':', '%3A')}",
        f"at://{DID}/app.bsky.actor.profile/self",
        f"\u2068{DID}\u2069,",
    ],
)
def test_every_spelling_of_a_did(text):
    assert names(text) == [DID]


@pytest.mark.parametrize("between", ["\n", "\r\n", ", ", "; ", " ", "\t", "\n\n", "，", "、", ",\n"])
def test_one_a_line_or_with_something_between(between):
    assert names(f"ana.example{between}@bo.example{between}{DID}") == ["ana.example", "bo.example", DID]


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "ana@example.org",
        "@ana@social.example",
        "ana..example",
        "https://example.org/ana",
        "https://bsky.app/profile/",
        "https://bsky.app/profile/%00",
        "did:plc",
        "did:plc:" + "a" * 300,
        "ana.example/bo.example",
        "müller.example",
        "http://[::1/profile/x",
        "a" * 300 + ".example",
        "<script>alert(1)</script>",
    ],
)
def test_what_is_none_keeps_its_text_and_has_no_name(text):
    (entry,) = pasted.read(text)
    assert (entry.name, entry.text) == ("", text)


def test_each_name_once_in_the_order_of_the_text():
    assert names("bo.example ana.example @BO.example https://bsky.app/profile/ana.example ?? ??") == [
        "bo.example",
        "ana.example",
    ]


def test_nothing_is_no_entry():
    assert pasted.read(" \n, ;\u200b - 1.") == []


def test_a_hundred_are_taken_and_one_more_is_refused():
    hundred = " ".join(f"p{number}.example" for number in range(MAX_ENTRIES))
    assert len(pasted.read(hundred)) == MAX_ENTRIES
    assert len(pasted.read(f"{hundred} P7.example")) == MAX_ENTRIES, "named twice"
    with pytest.raises(TooMuch, match="101 names are here; 100 can be added at once"):
        pasted.read(hundred + " one-more.example")


def test_a_text_that_is_too_long_is_not_looked_at():
    with pytest.raises(TooMuch, match="too long"):
        pasted.read("a" * (MAX_TEXT + 1))


@pytest.mark.parametrize("part", ["(", "a.", "@", "/profile/", ".a", "a(", "\u200b(", "https://", "%40", "did:plc:"])
@pytest.mark.parametrize("end", ["", "a"])
def test_no_text_takes_long(part, end):
    text = "a" + part * (MAX_TEXT // len(part) - 2) + end
    began = time.process_time()
    pasted.read(text)
    assert time.process_time() - began < 0.5
