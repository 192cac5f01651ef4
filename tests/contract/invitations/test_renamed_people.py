"""Handles on the real network: pasted into the picker, and changed between a sync, a preview and a post."""

import secrets
import time

import pytest
from django.utils import timezone
from tests.contract.invitations.test_between_posts import InTheApp

from elonara import jobs
from elonara.bluesky.graph import listing, sync
from elonara.bluesky.graph.listing import Wanted
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.service import BlueskyGraphService
from elonara.invitations import actions
from elonara.invitations.models import Invitation, State
from elonara.invitations.people import named, pasted

FOLLOW = "app.bsky.graph.follow"
MENTION = "app.bsky.richtext.facet#mention"


@pytest.fixture
def account(network):
    """The host's, which nobody follows yet."""
    return network.create_account()


@pytest.fixture
def someone(network, account):
    """`someone()`: an account in its app, that follows the host; with `follows=False` it does not."""

    def make(*, follows=True):
        app = InTheApp(network, found := network.create_account())
        app.handle = found.handle
        if follows:
            app.write(FOLLOW, account)
        return app

    return make


@pytest.fixture
def rename(network, host):
    """`rename(app, "new.test", "Name")`: done when the AppView shows it."""

    def change(app, handle, name):
        app.call("com.atproto.identity.updateHandle", handle=handle)
        profile = {"$type": "app.bsky.actor.profile", "displayName": name}
        app.call("com.atproto.repo.putRecord", repo=app.did, collection=profile["$type"], rkey="self", record=profile)
        network.sync()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            shown = BlueskyGraphService().read_public("app.bsky.actor.getProfile", {"actor": app.did})
            if (shown["handle"], shown.get("displayName")) == (handle, name):
                return
            time.sleep(0.1)
        raise AssertionError(f"the AppView shows {shown}")

    return change


def read_everybody(host):
    """A full pass, from beginning to end."""
    sync.request(host)
    while due := jobs.due(sync.JOB_KIND):
        for key in due:
            jobs.run(sync.JOB_KIND, key)


def found(host, query):
    return [(one.handle, one.display_name) for one in listing.page(listing.graph_of(host.pk), Wanted(q=query)).people]


def test_a_follower_with_a_new_name_is_found_and_invited_under_it(host, someone, rename, make_event, deliver, posts):
    friend = someone()
    rename(friend, friend.handle, "Renata Before")
    read_everybody(host)
    assert found(host, "renata") == [(friend.handle, "Renata Before")]
    first, second = (f"r{secrets.token_hex(5)}.test" for _ in range(2))

    rename(friend, first, "Ulla Łąka")
    read_everybody(host)
    for query in ("ulla", "laka ull", first, f"@{first}"):
        assert found(host, query) == [(first, "Ulla Łąka")]
    for query in ("renata", friend.handle):
        assert found(host, query) == []
    picnic = make_event()
    preview = actions.preview(host, picnic, [friend.did])
    assert f"@{first} " in preview.posts[0].text
    actions.invite(host, picnic, [friend.did], preview_id=preview.preview_id)
    assert Invitation.objects.get().invitee_handle == first

    rename(friend, second, "Ulla Nowa")
    StoredGraph.objects.update(due_at=None)  # no pass: the answer before the post shows it
    deliver()
    row = Invitation.objects.get()
    assert (row.state, row.invitee_handle) == (State.SENT, second)
    post = posts()[row.rkey]["value"]
    assert f"@{second} " in post["text"]
    assert first not in post["text"]
    (mention,) = [one for facet in post["facets"] for one in facet["features"] if one["$type"] == MENTION]
    assert mention["did"] == friend.did
    assert found(host, "nowa") == [(second, "Ulla Nowa")]
    assert found(host, first) == []


def test_pasted_handles_are_looked_up_in_few_requests_and_each_says_what_it_is(host, someone, network, rename):
    stored, renamed = someone(), someone()
    read_everybody(host)
    later, strangers = someone(), [someone(follows=False) for _ in range(3)]
    now = f"r{secrets.token_hex(5)}.test"
    rename(renamed, now, "Renamed")
    lines = [
        stored.handle, f"https://bsky.app/profile/{now}", later.did, later.handle.upper(),
        *(one.handle for one in strangers), *(f"nobody-{number}.test" for number in range(25)), "no handle",
    ]  # fmt: skip
    began = timezone.now()
    people = named.find(host.pk, pasted.read("\n".join(lines)))
    assert (timezone.now() - began).total_seconds() < 15
    by_text = {one.entry.text: one for one in people}
    assert by_text[stored.handle].person.did == stored.did
    assert by_text[f"https://bsky.app/profile/{now}"].person.did == renamed.did
    for text in (later.did, later.handle.upper()):
        assert (by_text[text].person.did, by_text[text].person.follows_you) == (later.did, True)
    for one in strangers:
        person = by_text[one.handle].person
        assert (person.did, person.follows_you, person.you_follow) == (one.did, False, False)
    assert all("has no account" in by_text[f"nobody-{number}.test"].sentence for number in range(25))
    assert by_text["handle"].sentence == named.NOT_A_NAME
