"""Lists of invitations for programs: a bound for one answer, and a cursor that gives every row once."""

import uuid

import pytest
from django.utils import timezone

from elonara.atproto.tid import new_tid
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations.models import Batch, Invitation


@pytest.fixture
def many(alice):
    def make(target, number, **fields):
        kind = type(target).__name__.lower()
        batch = Batch.objects.create(host=alice, **{kind: target})
        return Invitation.objects.bulk_create(
            Invitation(
                batch=batch, host=alice, author_did="did:plc:host", invitee_did=f"did:plc:p{uuid.uuid4().hex[:12]}",
                invitee_handle=f"p{each}.test", rkey=new_tid(), ref=uuid.uuid4().hex[:20], record={"text": "Come!"},
                queued_at=timezone.now(), next_attempt_at=timezone.now(), **({kind: target, "state": "sent"} | fields),
            )
            for each in range(number)
        )  # fmt: skip

    return make


@pytest.fixture
def target(place):
    """The event or community of `place`."""
    folder, slug = place.strip("/").split("/")
    return (Event if folder == "events" else Community).objects.get(slug=slug)


def listed(program, place, **params):
    response = program.get(f"{place}/invitations", **params)
    assert response.status_code == 200
    return response.json()


def test_a_short_list_is_as_before_and_has_no_cursor(program, place, target, many):
    made = many(target, 3)
    answer = listed(program, place)
    assert set(answer) == {"invitations", "counts", "cursor"}
    assert [one["id"] for one in answer["invitations"]] == [str(row.pk) for row in made]
    assert answer["cursor"] is None
    assert answer["counts"]["sent"] == answer["counts"]["total"] == 3


@pytest.mark.promise("opening")
def test_nobody_is_shown_to_have_opened_anything(program, place, target, many, alice, client):
    many(target, 6, opened_at=timezone.now())  # as an earlier release stored it
    listed_now = program.get(f"{place}/invitations").content.decode()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"{place}/manage?tab=invite&step=watch").content.decode()
    assert "opened" not in listed_now.lower()
    assert "opened" not in page.lower()


def test_the_cursor_gives_every_row_once_though_rows_change(program, place, target, many):
    made = many(target, 25)
    found, cursor = [], None
    while True:
        answer = listed(program, place, limit=7, **({"cursor": cursor} if cursor else {}))
        found += [one["id"] for one in answer["invitations"]]
        assert len(answer["invitations"]) <= 7
        assert answer["counts"]["total"] == 25
        cursor = answer["cursor"]
        if cursor is None:
            break
        # What is listed already, and what is to come, changes its state, its text and its turn.
        Invitation.objects.filter(pk__in=[made[0].pk, made[-1].pk]).update(
            state="queued", needs_confirmation=True, queued_at=timezone.now(), next_attempt_at=timezone.now()
        )
    assert found == [str(row.pk) for row in made]


def test_rows_of_one_moment_are_given_once_each(program, place, target, many):
    made = many(target, 12)
    Invitation.objects.update(created_at=timezone.now())
    found, cursor = [], ""
    for _ in range(6):
        answer = listed(program, place, limit=2, cursor=cursor)
        found += [one["id"] for one in answer["invitations"]]
        cursor = answer["cursor"]
    assert cursor is None
    assert found == [str(row.pk) for row in made]


def test_rows_with_one_record_key_of_two_authors_are_given_once_each(program, place, target, many):
    made = many(target, 5)
    for number, row in enumerate(made):
        Invitation.objects.filter(pk=row.pk).update(author_did=f"did:plc:author{number}", rkey="3kkkkkkkkkkk2")
    Invitation.objects.update(created_at=timezone.now())
    found, cursor = [], ""
    while cursor is not None:
        answer = listed(program, place, limit=1, cursor=cursor)
        found += [one["id"] for one in answer["invitations"]]
        cursor = answer["cursor"]
    assert sorted(found) == sorted(str(row.pk) for row in made)


def test_without_a_limit_an_answer_has_a_thousand_rows(program, place, target, many):
    many(target, 1003)
    answer = listed(program, place)
    assert len(answer["invitations"]) == 1000
    assert len(listed(program, place, cursor=answer["cursor"])["invitations"]) == 3


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1e3", ""])
def test_a_limit_has_bounds(program, place, limit):
    assert program.get(f"{place}/invitations", limit=limit).status_code == 422


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "é", "0" * 70, "MjAyNg", "=" * 9, "MjAyNjExMjgyMzUwNDgxMjM0NTZ4", "a b", "\x00", "z" * 201]
)
def test_a_cursor_that_is_none_of_ours_is_refused(program, place, target, many, cursor):
    many(target, 1)
    response = program.get(f"{place}/invitations", cursor=cursor)
    assert response.status_code == 422
    assert response.json()["code"] in {"bad_cursor", "invalid_input"}


def test_a_cursor_opens_no_other_list(program, place, target, many, mallory, program_of):
    many(target, 3)
    cursor = listed(program, place, limit=1)["cursor"]
    assert program_of(mallory).get(f"{place}/invitations", cursor=cursor).status_code in {403, 404}
