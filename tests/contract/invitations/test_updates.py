"""After an edit, one update on the real network: a reply to the announcement, or a post of its own."""

from datetime import timedelta

import httpx2
import pytest

from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, Correction, Invitation, State

CREATE = "com.atproto.repo.createRecord"


@pytest.fixture
def move(host):
    """Put the event one hour later, and press the button that the page then shows."""

    def go(event):
        event.refresh_from_db()
        events.change(event, by=host, starts_at=event.starts_at + timedelta(hours=1))
        notice = queries.notice(event, host)
        return notice, actions.post_update(event, host, notice.preview_id)

    return go


@pytest.fixture
def invited(host, friends, make_event, deliver):
    def go(*, thread=True):
        event = make_event()
        actions.invite(host, event, [person.did for person in friends], thread=thread)
        deliver()
        return event

    return go


def notified_of(network, person):
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=20, trust_env=False) as pds:
        body = {"identifier": person.did, "password": person.password}
        session = pds.post("com.atproto.server.createSession", json=body).json()
        answer = pds.get(
            "app.bsky.notification.listNotifications", headers={"authorization": f"Bearer {session['accessJwt']}"}
        )
    return {one["uri"] for one in answer.json()["notifications"]}


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
def test_it_is_one_reply_that_notifies_nobody(mode, network, host, friends, invited, move, deliver, posts):
    event = invited()
    notice, _ = move(event)
    assert (notice.count, notice.words) == (4, "the old time")
    deliver()
    row, root = Correction.objects.get(), Announcement.objects.get()
    assert row.state == State.SENT
    found = posts()
    assert len(found) == 5
    value = found[row.rkey]["value"]
    assert (found[row.rkey]["uri"], found[row.rkey]["cid"]) == (row.uri, row.cid)
    assert value["text"] == notice.update.text
    assert value["reply"] == {name: {"uri": root.uri, "cid": root.cid} for name in ("root", "parent")}
    assert [facet["features"][0]["$type"] for facet in value["facets"]] == ["app.bsky.richtext.facet#link"]
    assert queries.notice(event, host) is None
    network.sync()
    uris = notified_of(network, friends[0])
    assert Invitation.objects.get(invitee_did=friends[0].did).uri in uris
    assert row.uri not in uris


def test_without_an_announcement_it_is_a_post_of_its_own(host, invited, move, deliver, posts):
    move(invited(thread=False))
    deliver()
    assert "reply" not in posts()[Correction.objects.get().rkey]["value"]


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
def test_a_lost_response_leaves_one(mode, faults, host, invited, move, deliver, posts, clock):
    event = invited()
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    move(event)
    deliver()
    assert Correction.objects.get().ambiguous
    clock.pass_(seconds=30)
    deliver()
    assert Correction.objects.get().state == State.SENT
    assert len(posts()) == 5


def test_all_are_taken_back_when_it_becomes_private(host, invited, move, deliver, posts, clock):
    event = invited()
    move(event)
    deliver()
    events.change(event, by=host, visibility="private")
    assert actions.take_back(event, host, only_wrong=True) == 5
    for _ in range(7):
        deliver()
        clock.pass_(minutes=1)
    assert posts() == {}
    assert queries.on_bluesky(event).total == 0
