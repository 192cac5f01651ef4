"""A program drives the whole job: from a password to posts on the PDS, and back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara import jobs

PLACES = {
    "event": (
        "/events",
        {
            "title": "Picnic",
            "starts_at": (timezone.now() + timedelta(days=30)).isoformat(),
            "timezone": "Europe/Berlin",
            "description": "Bring bread.",
            "location": "By the river",
            "visibility": "public",
        },
    ),
    "community": ("/communities", {"name": "Bakers", "description": "Rye", "visibility": "public"}),
}


def everybody(program, side, limit):
    found, cursor = [], None
    while True:
        page = program("GET", f"/me/bluesky/{side}", limit=limit, **({"cursor": cursor} if cursor else {}))
        found += page["people"]
        cursor = page["cursor"]
        if cursor is None:
            return found


def read_everybody(program):
    """The first sync, as a program waits for it."""
    assert program("POST", "/me/bluesky/sync", status=202)["state"] == "running"
    jobs.drain()
    state = program("GET", "/me/bluesky/sync")
    assert (state["state"], state["known"]) == ("done", True)


def mentions(value):
    raw, found = value["text"].encode(), []
    for facet in value["facets"]:
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        feature = facet["features"][0]
        found.append((raw[start:end].decode(), feature.get("did") or feature["uri"]))
    return found


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
@pytest.mark.parametrize("kind", ["event", "community"])
def test_from_a_password_to_posts_and_back(mode, kind, host, account, program, forty, deliver, posts, clock):
    me = program("GET", "/me")
    assert me["bluesky"]["connected"]
    assert (me["bluesky"]["did"], me["bluesky"]["handle"]) == (account.did, account.handle)
    assert (me["bluesky"]["can_write"], me["bluesky"]["write_backend"]) == (
        True, {"legacy": "app_password", "oauth": "oauth"}[mode],
    )  # fmt: skip

    read_everybody(program)
    follows = everybody(program, "follows", limit=17)
    assert {one["did"] for one in follows} == {one.did for one in forty}
    assert all(one["invitable"] and not one["mutual"] for one in follows)
    assert program("GET", "/me/bluesky/followers")["people"] == []

    path, wanted = PLACES[kind]
    made = program("POST", path, wanted, status=201)
    place = f"{path}/{made['slug']}"
    by_did, by_handle = forty[0], forty[1]
    choice = {
        "dids": [by_did.did],
        "handles": [f"@{by_handle.handle}", "nobody-at-all.test", "not a handle"],
        "note": "Grüße 🥖",
        "notes": {by_handle.handle: "And you bring the cheese."},
        "idempotency_key": "the only press",
    }
    seen = program("POST", f"{place}/invitations/preview", choice)
    assert [post["did"] for post in seen["posts"]] == [by_did.did, by_handle.did]
    assert {left["handle"] for left in seen["skipped"]} == {"nobody-at-all.test", "not a handle"}
    assert (seen["refusal"], seen["today"]) == (None, 2)

    sent = program("POST", f"{place}/invitations", choice, status=202)
    assert (sent["queued"], {left["reason"] for left in sent["skipped"]}) == (2, {"not_found"})
    assert program("POST", f"{place}/invitations", choice, status=202)["batch"] == sent["batch"]
    assert posts() == {}
    deliver()

    standing = program("GET", f"{place}/invitations")
    assert standing["counts"]["sent"] == 2
    rows = {row["did"]: row for row in standing["invitations"]}
    found = {post["uri"]: post["value"] for post in posts().values()}
    assert len(found) == 3  # with the announcement that the quiet thread hangs from
    for one, shown in zip((by_did, by_handle), seen["posts"], strict=True):
        value = found[rows[one.did]["uri"]]
        assert value["text"] == shown["text"]
        assert value["facets"] == shown["facets"]
        assert mentions(value) == [(f"@{one.handle}", one.did), (shown["card"]["uri"], shown["card"]["uri"])]
        assert value["embed"]["external"]["uri"] == shown["card"]["uri"]
    assert "And you bring the cheese." in found[rows[by_handle.did]["uri"]]["text"]

    query = {kind: made["slug"]}
    reasons = {one["did"]: one["reason"] for one in program("GET", "/me/bluesky/follows", limit=100, **query)["people"]}
    assert reasons[by_did.did] == "already_invited"
    assert reasons[forty[2].did] is None

    gone = program("POST", f"/invitations/{rows[by_did.did]['id']}/undo")
    assert gone["state"] == "undoing"
    for _ in range(7):
        deliver()
        clock.pass_(minutes=1)
    deliver()
    states = {row["did"]: row["state"] for row in program("GET", f"{place}/invitations")["invitations"]}
    assert states == {by_did.did: "undone", by_handle.did: "sent"}
    assert rows[by_did.did]["uri"] not in {post["uri"] for post in posts().values()}
    assert len(posts()) == 2


def test_a_search_finds_those_whom_the_host_follows(host, program, forty):
    read_everybody(program)
    wanted = forty[7]
    found = program("GET", "/me/bluesky/follows", q=wanted.handle[:6])["people"]
    assert wanted.did in {one["did"] for one in found}
    assert program("GET", "/me/bluesky/followers", q=wanted.handle[:6])["people"] == []


def test_a_cursor_that_is_none_is_told(host, program):
    read_everybody(program)
    for cursor in ("þis is no cursor", "0x1"):
        assert program("GET", "/me/bluesky/follows", cursor=cursor, status=400)["code"] == "bad_cursor", cursor


def test_a_server_that_is_down_is_told(host, program, faults):
    faults({"match": "app.bsky.graph.getFollows", "kind": "status", "status": 502})
    assert program("POST", "/me/bluesky/sync", status=202)["state"] == "running"
    jobs.drain()
    assert program("GET", "/me/bluesky/sync")["state"] == "failed"
    assert program("GET", "/me/bluesky/follows", status=503)["code"] == "server"
