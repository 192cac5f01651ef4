"""What other servers say of a text that they count longer than we do, and which limit follows from it."""

import pytest

from elonara.atproto.error_responses import CREATE_RECORD, xrpc_error
from elonara.atproto.errors import ErrorKind
from elonara.atproto.text_limits import UNITS, TextLimit, limit_in, says_too_long

ASCII = "x" * 320
FAMILIES = "👨‍👩‍👧 " * 60  # 120 graphemes, 360 code points, 540 UTF-16 units, 1,140 bytes
ACCENTS = "é" * 299  # 299 graphemes, 598 bytes
TOO_LONG = [
    ("Invalid app.bsky.feed.post record: grapheme too big (maximum 300, got 320) at $.record.text", ASCII, "bytes:300"),
    ("Invalid field 'text': grapheme count 360 exceeds max_graphemes 300", FAMILIES, "characters:300"),
    ("Invalid field 'text': string length 598 exceeds max_length 300", ACCENTS, "bytes:300"),
    ("Record/text must not be longer than 300 graphemes", FAMILIES, "bytes:300"),
    ("text must not be longer than 300 characters", FAMILIES, "bytes:300"),
    ("text: at most 1,000 bytes", FAMILIES, "bytes:1000"),
    ("text too long: 540 > 300", FAMILIES, "utf16:300"),
    ("text is too long", FAMILIES, "bytes:300"),
    ("text is too long", "é" * 120, "bytes:180"),
    ("maximum length of 256 exceeded", ACCENTS, "bytes:256"),
    ("InvalidRecord: `text is too long`", FAMILIES, "bytes:300"),
    # lexrpc, which quotes how the text begins
    ("string text with value `'Picnic 2026\\u2026`: is longer than maxGraphemes 300", FAMILIES, "bytes:300"),
    ("with value `'A title` with an embed, 290\\u2026`: is longer (320) than maxLength 300", ASCII, "bytes:300"),
    ("with value `'see the description\nand 310\\u2026`: is longer than maxGraphemes 300", ASCII, "bytes:300"),
]


@pytest.mark.parametrize(("said", "text", "limit"), TOO_LONG)
def test_the_limit_is_read_in_the_unit_that_the_server_counts_or_a_stricter_one(said, text, limit):
    assert says_too_long(said)
    found = limit_in(said, text)
    assert str(found) == limit
    assert not found.allows(text)
    assert TextLimit.parse(limit) == found


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Invalid datetime format at 'createdAt'",
        "Missing required field: text",
        "Invalid field 'embed/external/title': string length 4000 exceeds max_length 3000",
        "array too big (maximum 3, got 4) at $.record.langs",
        "request entity too large: body",
        "in app.bsky.embed.external, string title with value `'Picnic\\u2026`: is longer than maxGraphemes 300",
        "string text with value `'too long, max 300\\u2026`: is no string",
        "Could not find blob",
        "Unacceptable slur in record at 'text'",
    ],
)
def test_what_is_about_something_else_is_not_taken_for_it(said):
    assert not says_too_long(said)


@pytest.mark.parametrize(
    "said", ["too long 0", "too long 999999999999999999", "exceeds -5", "max 1e9", "longer than ∞"]
)
def test_numbers_of_a_server_cannot_break_anything(said):
    found = limit_in(said, ASCII)
    assert 0 < found.most < 321
    assert TextLimit.parse(str(found)) == found


def test_a_stricter_unit_never_counts_less():
    for text in (ASCII, FAMILIES, ACCENTS, "", "\r\n"):
        lengths = [count(text) for count in UNITS.values()]
        assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("text", ["", "x:3", "bytes:", "bytes:-1", "bytes:1.5", "bytes:٣", "utf16"])
def test_what_is_no_limit_is_none(text):
    assert TextLimit.parse(text) is None


@pytest.mark.parametrize(
    ("status", "nsid", "kind"),
    [
        (400, CREATE_RECORD, ErrorKind.TEXT_TOO_LONG),
        (422, CREATE_RECORD, ErrorKind.TEXT_TOO_LONG),
        (400, "com.atproto.repo.uploadBlob", ErrorKind.BAD_REQUEST),
        (500, CREATE_RECORD, ErrorKind.RECORD_EXISTS_OR_SERVER),
        (429, CREATE_RECORD, ErrorKind.RATE_LIMITED),
    ],
)
def test_only_a_refused_create_means_the_text(status, nsid, kind):
    body = b'{"error": "InvalidRecord", "message": "text too long (maximum 300, got 320)"}'
    assert xrpc_error(status, {}, body, nsid).kind is kind
