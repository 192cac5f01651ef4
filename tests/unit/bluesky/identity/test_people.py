"""Reading profiles that come from servers which strangers run."""

import json

import pytest

from elonara.bluesky.identity.people import Person


def test_all_viewer_state_is_read():
    profile = {
        "did": "did:plc:bob",
        "handle": "bob.example",
        "displayName": "Bob",
        "avatar": "https://cdn.example/bob.jpg",
        "viewer": {
            "followedBy": "at://x",
            "following": "at://y",
            "blockedBy": True,
            "muted": True,
            "blocking": "at://z",
        },
        "labels": [{"val": "spam"}, {"val": "porn", "neg": True}, {"val": 7}, "odd"],
    }
    bob = Person.from_profile(profile, known=True)
    assert bob.mutual
    assert (bob.blocked_by, bob.blocking, bob.muted) == (True, True, True)
    assert bob.labels == ("spam",)
    assert Person.from_dict(bob.to_dict()) == bob


@pytest.mark.parametrize("viewer", [{"mutedByList": {"uri": "at://x"}}, {"blockingByList": {"uri": "at://x"}}])
def test_lists_mute_and_block_too(viewer):
    bob = Person.from_profile({"did": "did:plc:bob", "handle": "bob.example", "viewer": viewer}, known=True)
    assert bob.muted or bob.blocking


@pytest.mark.parametrize(
    "profile",
    [
        {"did": "did:plc:bob"},
        {"did": "did:plc:bob", "handle": None, "displayName": 7, "avatar": "javascript:alert(1)", "labels": "spam"},
        {"did": "did:plc:bob", "viewer": [], "labels": [None]},
    ],
)
def test_what_is_malformed_counts_as_absent(profile):
    bob = Person.from_profile(profile, known=True)
    assert (bob.handle, bob.display_name, bob.avatar, bob.labels) == ("handle.invalid", "", "", ())


def test_characters_that_no_database_stores_are_left_out_of_a_name():
    profile = '{"did": "did:plc:bob", "displayName": "B\\u0000o\\ud800b", "labels": [{"val": "sp\\u0000am"}]}'
    bob = Person.from_profile(json.loads(profile), known=True)
    assert (bob.display_name, bob.labels) == ("Bob", ("spam",))


def test_a_profile_without_a_did_is_refused():
    with pytest.raises((KeyError, TypeError)):
        Person.from_profile({"did": 7}, known=True)


def test_a_person_of_a_later_version_can_be_read():
    assert Person.from_dict({"did": "did:plc:bob", "handle": "bob.example", "shoe_size": 43}).handle == "bob.example"
