"""The exact texts and facets of the posts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from atproto_client.utils import TextBuilder as Oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from elonara.atproto.rich_text import fits
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations.planning import compose
from elonara.invitations.planning.compose import Words
from elonara.invitations.targets import Target

BOB = {"did": "did:plc:bob", "handle": "bob.example", "ref": "abcdefghijklmnopqrst"}
START = datetime(2026, 12, 5, 15, tzinfo=UTC)
MADE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def public_address(set_options):
    set_options(site={"url": "https://events.example"})


def event(**fields):
    values = {"pk": 7, "slug": "picnic", "title": "Picnic", "starts_at": START, "timezone": "UTC", "created_at": MADE}
    return Target(Event(**values | fields))


def community(**fields):
    return Target(Community(**{"pk": 7, "slug": "bakers", "name": "Bakers"} | fields))


def words(**fields):
    return Words(**{"host_name": "Alice", "host_handle": "alice.example"} | fields)


def text(target, own_words=None):
    return compose.invitation(target, own_words or words(), **BOB).rich.text


def test_the_host_speaks_for_herself_and_names_the_event_and_its_time():
    assert text(event(timezone="Europe/Lisbon")) == (
        "@bob.example I'd love you to come to Picnic, Sat 5 Dec 15:00 Lisbon — "
        "https://events.example/i/abcdefghijklmnopqrst"
    )


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Berlin", "Sat 5 Dec 16:00 Berlin"),
        ("America/Argentina/Buenos_Aires", "Sat 5 Dec 12:00 Buenos Aires"),
        ("UTC", "Sat 5 Dec 15:00 UTC"),
    ],
)
def test_the_time_is_in_the_events_time_zone_and_names_its_city(zone, told):
    assert f", {told} — https" in text(event(timezone=zone))


def test_the_voice_of_somebody_who_posts_by_hand_is_her_own():
    assert text(event(), words(voice="compose")) == text(event(), words(voice="host"))


@pytest.mark.parametrize(
    ("target", "voice", "said"),
    [
        (event(), "host", "I'm inviting people to Picnic, Sat 5 Dec 15:00 UTC.\n"),
        (community(), "host", "I'm inviting people to join Bakers.\n"),
        (event(), "relay", "Alice (@alice.example) is inviting people to Picnic, Sat 5 Dec 15:00 UTC.\n"),
        (community(), "relay", "Alice (@alice.example) is inviting people to join Bakers.\n"),
    ],
)
def test_an_announcement_speaks_as_whoever_posts_it(target, voice, said):
    composed = compose.announcement(target, words(voice=voice))
    assert composed.rich.text == f"{said}The invitations are in the replies.\n{target.url}"


def test_note_and_line_follow_on_lines_of_their_own():
    composed = text(event(), words(note="Bring bread.", line="Bob, your rye!"))
    assert composed.endswith("abcdefghijklmnopqrst\nBring bread.\nBob, your rye!")


def test_a_community_is_joined():
    assert "I'd love you to join Bakers — https" in text(community())


@pytest.mark.promise("private-not-named")
@pytest.mark.parametrize("target", [event(visibility="private"), community(visibility="private")])
def test_a_private_target_is_not_named(target):
    composed = compose.invitation(target, words(), **BOB)
    assert composed.rich.text.startswith(f"@bob.example I'd like to invite you to a private {target.kind} — https")
    for word in ("Picnic", "Bakers", "Dec"):
        assert word not in str(composed.record)


def test_the_relay_names_the_host():
    composed = compose.invitation(event(), words(voice="relay"), **BOB)
    assert "Alice (@alice.example) invites you to Picnic, Sat 5 Dec 15:00 UTC — https" in composed.rich.text
    assert len(composed.rich.facets) == 2  # the host is not mentioned: she would be notified of every one


def test_facets_are_those_that_the_sdk_makes():
    composed = compose.invitation(
        event(title="Grillfest für Ötzi 🎉"), words(note="@carol.example https://x.example"), **BOB
    )
    oracle = Oracle().mention("@bob.example", "did:plc:bob")
    oracle.text(" I'd love you to come to Grillfest für Ötzi 🎉, Sat 5 Dec 15:00 UTC — ")
    oracle.link(composed.link, composed.link).text("\n@carol.example https://x.example")
    expected = [facet.model_dump(by_alias=True, exclude_none=True) for facet in oracle.build_facets()]

    def plain(facets):
        return [
            (one["index"]["byteStart"], one["index"]["byteEnd"], [sorted(f.items()) for f in one["features"]])
            for one in ({**facet, "features": [strip(f) for f in facet["features"]]} for facet in facets)
        ]

    def strip(feature):
        return {key.replace("py_type", "$type"): value for key, value in feature.items()}

    expected = [
        {
            "index": {
                "byteStart": facet["index"].get("byteStart", facet["index"].get("byte_start")),
                "byteEnd": facet["index"].get("byteEnd", facet["index"].get("byte_end")),
            },
            "features": facet["features"],
        }
        for facet in expected
    ]
    assert composed.rich.text == oracle.build_text()
    assert plain(composed.rich.facets) == plain(expected)


def test_a_long_title_is_shortened_before_the_note():
    composed = compose.invitation(event(title="P" * 120), words(note="n" * 150), **BOB)
    assert composed.shortened == ("title",)
    assert "n" * 150 in composed.rich.text
    assert "P…" in composed.rich.text


def test_the_preview_shows_mention_and_link_as_such():
    segments = compose.invitation(event(), words(note="Hi"), **BOB).preview().segments
    assert [one.kind for one in segments] == ["mention", "", "link", ""]
    assert segments[0].target == "did:plc:bob"


WILD = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=120)
ZALGO = st.integers(0, 300).map(lambda marks: "Z" + "\u0301" * marks)
FAMILY = st.integers(0, 120).map(lambda times: "👨‍👩‍👧‍👦" * times)


@settings(max_examples=150, deadline=None)
@given(title=WILD | ZALGO | FAMILY, name=WILD | ZALGO | FAMILY, note=WILD | FAMILY, line=WILD, relay=st.booleans())
def test_every_post_fits_and_keeps_its_mention_and_its_link(title, name, note, line, relay):
    own_words = words(host_name=name, note=note, line=line, voice="relay" if relay else "host")
    post = compose.invitation(event(title=title), own_words, **BOB)
    assert fits(post.rich.text)
    raw = post.rich.text.encode()
    shown = [raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in post.rich.facets]
    assert shown == ["@bob.example", "https://events.example/i/abcdefghijklmnopqrst"]


def test_whole_days_name_no_city_and_are_the_same_in_every_zone():
    first = datetime(2026, 12, 5, tzinfo=ZoneInfo("Europe/Lisbon"))
    fair = event(all_day=True, timezone="Europe/Lisbon", starts_at=first, ends_at=first + timedelta(days=2))
    assert fair.when_there() == fair.when() == "Sat 5 to Sun 6 Dec"
    there = first.replace(tzinfo=ZoneInfo("Pacific/Auckland"))
    moved = event(all_day=True, timezone="Pacific/Auckland", starts_at=there, ends_at=there + timedelta(days=2))
    assert moved.facts == fair.facts
