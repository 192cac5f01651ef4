"""Invitations on the real network: what is written is read back from the PDS."""

import httpx2
import pytest

from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.outbox import thumbnails, timing

CREATE, UPLOAD = "com.atproto.repo.createRecord", "com.atproto.repo.uploadBlob"


def invite(host, target, people, **options):
    return actions.invite(host, target, [person.did for person in people], **options)


def facets_of(value):
    raw = value["text"].encode()
    return [
        (raw[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode(), one["features"][0])
        for one in value["facets"]
    ]


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
@pytest.mark.parametrize("kind", ["event", "community"])
def test_forty_people_are_invited(
    mode, kind, host, account, forty, make_event, make_community, picture, deliver, posts
):
    to = make_event(picture=picture) if kind == "event" else make_community(picture=picture)
    sent = invite(host, to, forty, note="Bring bread, grüße 🥖")
    assert (sent.queued, sent.skipped) == (40, [])
    deliver()
    found_posts = posts()
    assert len(found_posts) == 41
    root = Announcement.objects.get()
    assert found_posts[root.rkey]["value"]["embed"]["external"]["thumb"]["mimeType"] == "image/jpeg"
    assert "reply" not in found_posts[root.rkey]["value"]
    rows = {row.invitee_did: row for row in Invitation.objects.all()}
    for person in forty:
        row = rows[person.did]
        assert row.state == State.SENT
        found = found_posts[row.rkey]
        assert (found["uri"], found["cid"]) == (row.uri, row.cid)
        value = found["value"]
        link = f"http://127.0.0.1:8000/i/{row.ref}"
        assert facets_of(value) == [
            (f"@{person.handle}", {"$type": "app.bsky.richtext.facet#mention", "did": person.did}),
            (link, {"$type": "app.bsky.richtext.facet#link", "uri": link}),
        ]
        assert value["text"].endswith("\nBring bread, grüße 🥖")
        assert value["reply"] == {name: {"uri": root.uri, "cid": root.cid} for name in ("root", "parent")}
        card = value["embed"]["external"]
        assert (card["uri"], card["title"]) == (link, to.title if kind == "event" else to.name)
        assert card["thumb"]["size"] < 1_000_000
        assert value["langs"] == ["en"]
    assert queries.progress(to, host).percent == 100


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
def test_private_ones_name_nothing(mode, host, friends, make_event, make_community, picture, deliver, posts):
    supper = make_event(
        title="Secret supper", description="Hush hush", location="Behind the oak", visibility="private", picture=picture
    )
    circle = make_community(name="Hidden circle", description="Nobody knows", visibility="private", picture=picture)
    invite(host, supper, friends)
    invite(host, circle, friends)
    deliver()
    found_posts = posts()
    assert len(found_posts) == 6
    for found in found_posts.values():
        said = str(found["value"])
        # No word that a random DID or ref can contain by chance.
        for word in ("Secret", "supper", "Hush", "Behind", "the oak", "Hidden", "circle", "Nobody", "thumb", "reply"):
            assert word not in said
        assert " you to a private " in found["value"]["text"]


def test_the_mentioned_person_is_notified_by_a_reply_in_the_quiet_thread(network, host, friends, make_event, deliver):
    invite(host, make_event(), friends[:1])
    deliver()
    network.sync()
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=20, trust_env=False) as pds:
        body = {"identifier": friends[0].did, "password": friends[0].password}
        session = pds.post("com.atproto.server.createSession", json=body).json()
        response = pds.get(
            "app.bsky.notification.listNotifications", headers={"authorization": f"Bearer {session['accessJwt']}"}
        ).json()
    row = Invitation.objects.get()
    assert ("mention", row.uri) in [(one["reason"], one["uri"]) for one in response["notifications"]]


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
def test_a_lost_response_leaves_one_live_post(mode, faults, host, friends, make_event, deliver, posts, clock):
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    invite(host, make_event(), friends[:1], thread=False)
    deliver()
    assert Invitation.objects.get().ambiguous
    clock.pass_(seconds=30)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert list(posts()) == [Invitation.objects.get().rkey]


def test_a_late_write_and_its_retry_leave_one_live_post(
    faults, host, friends, make_event, deliver, posts, clock, monkeypatch
):
    faults({"match": CREATE, "kind": "delay-before", "ms": 24_000, "times": 1})
    invite(host, make_event(), friends[:1], thread=False)
    deliver()  # stops waiting for the response after 20 s
    assert Invitation.objects.get().state == State.QUEUED
    clock.pass_(seconds=30)
    deliver()
    _until(lambda: len(posts()) == 1)
    clock.pass_(seconds=60)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert list(posts()) == [Invitation.objects.get().rkey]


def test_undo_racing_a_late_write_leaves_no_live_post(faults, host, friends, make_event, deliver, posts, clock):
    # Eight seconds after the request has timed out: a busy machine needs some for the read that follows.
    faults({"match": CREATE, "kind": "delay-before", "ms": 28_000, "times": 1})
    invite(host, make_event(), friends[:1], thread=False)
    deliver()
    assert not posts()
    actions.cancel(Invitation.objects.get(), host)
    deliver()
    assert Invitation.objects.get().state == State.UNDOING
    _until(posts)  # the delete came first, the write after it
    for _ in range(7):
        clock.pass_(minutes=1)
        deliver()
    assert Invitation.objects.get().state == State.UNDONE
    assert not posts()


def test_a_post_is_undone_and_can_be_sent_once_more(host, friends, make_event, deliver, posts, clock):
    invite(host, make_event(), friends[:1], thread=False)
    deliver()
    first = Invitation.objects.get().rkey
    actions.undo(Invitation.objects.get(), host)
    for _ in range(7):
        deliver()
        clock.pass_(minutes=1)
    assert Invitation.objects.get().state == State.UNDONE
    actions.confirm(Invitation.objects.get(), host)
    deliver()
    assert list(posts()) == [Invitation.objects.get().rkey] != [first]


def test_a_picture_that_the_server_does_not_have_is_uploaded_again(
    host, account, friends, make_event, picture, deliver, posts, caplog
):
    event = make_event(picture=picture)
    # A blob that this repository never had, as if the PDS had deleted it.
    gone = {
        "$type": "blob",
        "ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
        "mimeType": "image/jpeg",
        "size": 10,
    }
    thumbnails._blobs[account.did, event.picture.name] = gone
    invite(host, event, friends[:1], thread=False)
    deliver()
    (found,) = posts().values()
    assert found["value"]["embed"]["external"]["thumb"]["ref"] != gone["ref"]
    assert Invitation.objects.get().state == State.SENT


def test_too_many_requests_pause_the_account_until_the_reset(faults, host, friends, make_event, deliver, posts, clock):
    reset = int(clock.now().timestamp()) + 600
    faults({
        "match": CREATE, "kind": "status", "status": 429, "times": 1,
        "headers": {"ratelimit-limit": "5000", "ratelimit-remaining": "0", "ratelimit-reset": str(reset)},
        "body": {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"},
    })  # fmt: skip
    invite(host, make_event(), friends, thread=False)
    deliver()
    assert not posts()
    assert queries.progress(Invitation.objects.all()[0].event, host).paused.code == "rate_limited"
    clock.pass_(minutes=11)
    deliver()
    assert len(posts()) == 3


def test_the_times_that_undo_waits_for_are_those_of_a_request():
    assert timing.REQUEST_DEADLINE.total_seconds() == 20
    assert timing.REQUEST_DEADLINE.total_seconds() < timing.MIN_LEASE_SECONDS


def _until(true, seconds=15):
    import time

    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if true():
            return
        time.sleep(0.3)
    raise AssertionError("it never happened")
