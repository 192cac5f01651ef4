"""Which scopes are requested, and which granted scopes are enough."""

import pytest

from elonara.bluesky.oauth import scopes

READS = " ".join(f"rpc:{name}?aud=did:web:api.bsky.app%23bsky_appview" for name in scopes.READS)


@pytest.fixture(autouse=True)
def appview(bluesky):
    bluesky(appview_did="did:web:api.bsky.app")


def test_the_requested_scope_is_enough_for_everything(bluesky):
    assert scopes.can_read_graph(scopes.connect())
    assert scopes.can_write(scopes.connect())
    assert scopes.can_upload(scopes.connect())
    assert scopes.sign_in() == "atproto"
    bluesky(scopes="transition")
    assert scopes.connect() == "atproto transition:generic"
    assert scopes.can_read_graph(scopes.connect())
    assert scopes.can_write(scopes.connect())
    assert scopes.missing_in_words(scopes.connect()) == []


@pytest.mark.parametrize(
    ("granted", "says"),
    [
        (f"atproto {READS}", True),
        (f"atproto {READS}".replace("app.bsky.graph.getList?", "app.bsky.graph.getMutes?"), False),
        ("atproto", False),
        ("atproto transition:generic", True),
        (READS, False),
    ],
)
def test_that_lists_can_be_read_is_said(granted, says):
    assert ("See your lists on Bluesky" in scopes.in_words(granted)) == says
    assert ("See your lists on Bluesky" in scopes.missing_in_words(granted)) != says


@pytest.mark.parametrize(
    ("granted", "reads", "writes"),
    [
        ("", False, False),
        ("atproto", False, False),
        (f"atproto {READS}", True, False),
        (READS, False, False),
        ("atproto repo:app.bsky.feed.post?action=create&action=delete", False, True),
        ("atproto repo:app.bsky.feed.post?action=create", False, False),
        ("atproto repo:app.bsky.feed.post", False, True),
        ("atproto repo:*", False, True),
        ("atproto repo?collection=app.bsky.feed.post&collection=app.bsky.feed.like", False, True),
        ("atproto repo:app.bsky.feed.like?action=create&action=delete", False, False),
        ("atproto repo:app.bsky.feed.postgate", False, False),
        (f"atproto {READS}".replace("api.bsky.app", "evil.example"), False, False),
        (f"atproto {READS}".replace("did:web:api.bsky.app%23bsky_appview", "*"), True, False),
        (f"atproto {READS}".replace("app.bsky.actor.getProfiles", "app.bsky.actor.getProfile"), False, False),
        ("transition:generic", False, False),
        ("atproto transition:generic", True, True),
    ],
)
def test_what_a_granted_scope_allows(granted, reads, writes):
    assert (scopes.can_read_graph(granted), scopes.can_write(granted)) == (reads, writes)
