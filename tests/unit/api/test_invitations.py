"""`/{target}/invitations`: preview, send and list, for an event and for a community."""

import datetime as dt
from uuid import uuid4

import pytest
from tests.unit.api.conftest import ROW

from elonara import jobs
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations.models import Batch, Invitation


def test_a_host_writes_the_sentence_herself(program, place, agent):
    choice = {"dids": ["did:plc:bob"], "sentence": "Come swim with us"}
    preview = program.post(f"{place}/invitations/preview", choice).json()
    assert preview["posts"][0]["text"].startswith("@bob.example Come swim with us — https://")
    assert preview["usual_sentence"].startswith("I'd love you to ")
    assert 0 < preview["sentence_room"] < 300
    ours = program.post(f"{place}/invitations", {"dids": ["did:plc:bob"], "preview_id": preview["preview_id"]})
    assert (ours.status_code, ours.json()["code"]) == (409, "preview_changed")
    assert program.post(f"{place}/invitations", choice | {"preview_id": preview["preview_id"]}).status_code == 202
    jobs.drain()
    assert [post.record["text"] for post in agent.posts.values() if "@bob.example" in post.record["text"]] == [
        preview["posts"][0]["text"]
    ]


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("Ask @carol.example", "sentence_not_plain"),
        ("x" * 301, "sentence_too_long"),
        ("x" * 290, "sentence_too_long"),
    ],
)
def test_a_sentence_that_cannot_be_posted(program, place, sentence, code):
    for call in ("/preview", ""):
        response = program.post(f"{place}/invitations{call}", {"dids": ["did:plc:bob"], "sentence": sentence})
        assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Invitation.objects.exists()


def test_preview_send_and_list(program, place, agent):
    choice = {
        "dids": ["did:plc:bob"],
        "handles": ["@carol.example", "nobody"],
        "note": "There will be bread.",
        "notes": {"did:plc:bob": "Bring your chessboard."},
        "thread": True,
    }
    seen = program.post(f"{place}/invitations/preview", choice)
    assert seen.status_code == 200
    preview = seen.json()
    assert (preview["can_post"], preview["author_did"], preview["write_backend"]) == (
        True,
        "did:plc:host",
        "app_password",
    )
    assert (preview["today"], preview["later"], preview["refusal"]) == (2, [], None)
    assert [post["handle"] for post in preview["posts"]] == ["bob.example", "carol.example"]
    bob, carol = preview["posts"]
    assert "Bring your chessboard." in bob["text"]
    assert "Bring your chessboard." not in carol["text"]
    assert "There will be bread." in preview["announcement"]["text"] + bob["text"] + carol["text"]
    assert bob["graphemes"] <= 300
    assert {facet["features"][0]["$type"] for facet in bob["facets"]} == {
        "app.bsky.richtext.facet#mention", "app.bsky.richtext.facet#link",
    }  # fmt: skip
    assert [(left["did"], left["handle"], left["reason"]) for left in preview["skipped"]] == [
        ("", "nobody", "not_found")
    ]
    assert not Invitation.objects.exists()

    sent = program.post(f"{place}/invitations", choice)
    assert sent.status_code == 202
    assert set(sent.json()) == {"batch", "queued", "waiting", "skipped"}
    assert (sent.json()["queued"], sent.json()["waiting"]) == (2, 0)
    assert [left["reason"] for left in sent.json()["skipped"]] == ["not_found"]
    assert not agent.posts

    standing = program.get(f"{place}/invitations").json()
    assert {row["state"] for row in standing["invitations"]} == {"queued"}
    assert all(set(row) == ROW for row in standing["invitations"])

    jobs.drain()
    standing = program.get(f"{place}/invitations").json()
    assert standing["counts"]["sent"] == 2
    row = next(row for row in standing["invitations"] if row["did"] == "did:plc:bob")
    assert (row["state"], row["reason"], row["attempts"], row["answer"]) == ("sent", "", 1, "")
    assert row["sent_at"].endswith("Z")
    assert row["can"] == ["undo"]
    assert row["uri"] in {post.uri for post in agent.posts.values()}
    assert agent.posts["did:plc:host", row["uri"].rpartition("/")[2]].record["text"] == bob["text"]

    assert program.post(f"/invitations/{row['id']}/undo").json()["state"] == "undoing"
    jobs.drain()
    assert row["uri"] not in {post.uri for post in agent.posts.values()}


def test_the_same_key_does_nothing_twice(program, place):
    body = {"dids": ["did:plc:bob"], "idempotency_key": "once"}
    first = program.post(f"{place}/invitations", body).json()
    again = program.post(f"{place}/invitations", body)
    assert again.status_code == 202
    assert (again.json()["batch"], again.json()["queued"]) == (first["batch"], first["queued"])
    assert Batch.objects.count() == Invitation.objects.count() == 1


def test_what_becomes_of_the_rest_without_its_announcement_is_chosen_with_send(program, place):
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    assert not Batch.objects.get().alone_if_gone
    program.post(f"{place}/invitations", {"dids": ["did:plc:dan"], "alone_if_gone": True})
    assert Batch.objects.filter(alone_if_gone=True).count() == 1


def test_a_second_invitation_of_the_same_person_is_skipped(program, place):
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    again = program.post(f"{place}/invitations", {"dids": ["did:plc:bob"], "handles": ["bob.example"]}).json()
    assert (again["queued"], [left["reason"] for left in again["skipped"]]) == (0, ["already_invited"])


def test_people_who_block_the_host_are_skipped_with_the_reason(program, place):
    sent = program.post(f"{place}/invitations", {"dids": ["did:plc:eve", "did:plc:dan"]}).json()
    assert sent["queued"] == 1
    assert sent["skipped"][0] | {"sentence": ""} == {
        "did": "did:plc:eve", "handle": "eve.example", "reason": "blocked_by", "sentence": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({}, "nobody"),
        ({"dids": [], "handles": [""]}, "nobody"),
        ({"dids": [f"did:plc:{number}" for number in range(101)]}, "too_many"),
        ({"dids": ["did:plc:bob"], "note": "x" * 5000}, "note_too_long"),
        ({"dids": ["did:plc:bob"], "notes": {"did:plc:bob": "x" * 500}}, "line_too_long"),
        ({"dids": "did:plc:bob"}, "invalid_input"),
        ({"dids": [1]}, "invalid_input"),
        ({"dids": ["did:plc:bob"], "notes": ["hello"]}, "invalid_input"),
        ({"dids": ["did:plc:bob"], "thread": "perhaps"}, "invalid_input"),
    ],
)
def test_bad_input_is_refused_as_a_whole(program, place, problem, choice, code):
    problem(program.post(f"{place}/invitations/preview", choice), 422, code)
    problem(program.post(f"{place}/invitations", choice), 422, code)
    assert not Batch.objects.exists()


def test_invalid_handles_are_skipped_and_the_others_invited(program, place):
    odd = ["not a handle", "did:plc:", "did:", "bob\x00.example", "@", "\u202a", "x" * 3000]
    found = program.post(f"{place}/invitations", {"dids": odd, "handles": ["bob.example"]}).json()
    assert found["queued"] == 1
    assert {left["reason"] for left in found["skipped"]} == {"not_found"}


def test_an_invalid_idempotency_key_is_refused(program, place, problem):
    for key in ("x" * 101, "a\x00b", 5):
        body = {"dids": ["did:plc:bob"], "idempotency_key": key}
        problem(program.post(f"{place}/invitations", body), 422, "invalid_input")


def test_only_those_who_may_invite_send_and_list(program_of, mallory, place, problem):
    stranger = program_of(mallory)
    choice = {"dids": ["did:plc:bob"]}
    problem(stranger.post(f"{place}/invitations/preview", choice), 403, "not_allowed")
    problem(stranger.post(f"{place}/invitations", choice), 403, "not_allowed")
    problem(stranger.get(f"{place}/invitations"), 403, "not_allowed")


def test_moderators_invite_and_members_do_not(alice, program_of, mallory, chess, problem):
    place = f"/communities/{chess.slug}"
    joined = communities.join(chess, member=mallory)
    choice = {"dids": ["did:plc:bob"]}
    problem(program_of(mallory).post(f"{place}/invitations", choice), 403, "not_allowed")
    communities.set_role(chess, by=alice, membership=joined, role="moderator")
    assert program_of(mallory).post(f"{place}/invitations", choice).status_code == 202


def test_a_loopback_site_previews_and_does_not_send(program_of, alice, set_options, place, problem):
    set_options(site={"url": "http://127.0.0.1:8000"})
    program = program_of(alice)
    assert program.post(f"{place}/invitations/preview", {"dids": ["did:plc:bob"]}).json()["refusal"] == "loopback_site"
    document = problem(program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]}), 409, "loopback_site")
    assert document["way_on"]


def test_an_unreachable_graph_is_503(program, place, friends, problem):
    friends.down = GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.")
    for path in ("invitations", "invitations/preview"):
        document = problem(program.post(f"{place}/{path}", {"dids": ["did:plc:bob"]}), 503, "graph_unavailable")
        assert "does not answer" in document["detail"]


def test_nobody_is_invited_to_a_cancelled_event_or_closed_community(alice, program, picnic, chess, problem):
    events.cancel(picnic, alice)
    communities.close(chess, alice)
    choice = {"dids": ["did:plc:bob"]}
    problem(program.post(f"/events/{picnic.slug}/invitations", choice), 409, "event_cancelled")
    problem(program.post(f"/communities/{chess.slug}/invitations", choice), 409, "closed")


def test_a_private_target_is_not_named(program, supper):
    seen = program.post(f"/events/{supper.slug}/invitations/preview", {"dids": ["did:plc:bob"]}).json()
    assert seen["announcement"] is None
    shown = str(seen["posts"])
    assert "Secret" not in shown
    assert f"{supper.starts_at:%H:%M}" not in shown


def test_the_preview_shows_the_days_of_sending(program_of, alice, set_options, place):
    set_options(invitations={"per_day": 1, "first_week_per_day": 1})
    choice = {"dids": ["did:plc:bob", "did:plc:carol", "did:plc:dan"]}
    seen = program_of(alice).post(f"{place}/invitations/preview", choice).json()
    assert seen["today"] == 1
    assert [day["count"] for day in seen["later"]] == [1, 1]
    assert all(dt.date.fromisoformat(day["day"]) for day in seen["later"])


def test_without_a_token_nobody_is_invited(nobody, place, problem):
    problem(nobody.post(f"{place}/invitations", {"dids": ["did:plc:bob"]}), 401, "unauthorized")
    problem(nobody.post(f"{place}/invitations/preview", {}), 401, "unauthorized")
    problem(nobody.get(f"{place}/invitations"), 401, "unauthorized")
    problem(nobody.post(f"/invitations/{uuid4()}/retry"), 401, "unauthorized")
