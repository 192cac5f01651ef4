"""Records, validated by the SDK's models of the lexicons."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from atproto_client import models

from elonara.atproto import records
from elonara.atproto.rich_text import TextBuilder

NOW = datetime(2026, 12, 5, 15, 0, 0, 123456, tzinfo=UTC)
DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"
URI = f"at://{DID}/app.bsky.feed.post/3jui7kd54zh2y"
CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
BLOB = {"$type": "blob", "ref": {"$link": CID}, "mimeType": "image/jpeg", "size": 5}


def test_a_full_post_is_valid_by_the_lexicon():
    text = TextBuilder().mention("@bob.test", DID).text(" come – ").link("https://example.com/i/x").build()
    record = records.post(
        text.text,
        text.facets,
        ["en", "de"],
        embed=records.external("https://example.com/i/x", "Picnic", "In the park", BLOB),
        reply=records.reply_ref(URI, CID, URI, CID),
        created_at=NOW,
    )
    read = models.get_or_create(record, models.AppBskyFeedPost.Record)
    assert read.text == "@bob.test come – https://example.com/i/x"
    assert read.created_at == "2026-12-05T15:00:00.123Z"
    assert read.langs == ["en", "de"]
    assert read.embed.external.title == "Picnic"
    assert read.embed.external.thumb.mime_type == "image/jpeg"
    assert read.reply.parent.uri == read.reply.root.uri == URI
    assert [facet.features[0].py_type for facet in read.facets] == [
        "app.bsky.richtext.facet#mention",
        "app.bsky.richtext.facet#link",
    ]


def test_a_plain_post_has_no_empty_fields():
    record = records.post("hi", [], [], created_at=NOW)
    assert set(record) == {"$type", "text", "createdAt"}
    assert "thumb" not in records.external("https://example.com", "t", "d")["external"]


def test_a_time_is_written_in_utc():
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert records.timestamp(moment) == "2026-07-01T10:00:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        records.timestamp(datetime(2026, 7, 1))  # noqa: DTZ001 - a naive time is what is tested


def test_what_every_server_would_refuse_is_refused_here():
    with pytest.raises(ValueError, match="300"):
        records.post("x" * 301, [], [], created_at=NOW)
    with pytest.raises(ValueError, match="3,000"):
        records.post("👩‍👩‍👧‍👦" * 121, [], [], created_at=NOW)
    with pytest.raises(ValueError, match="three languages"):
        records.post("x", [], ["a", "b", "c", "d"], created_at=NOW)
