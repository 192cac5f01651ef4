"""Posts in legacy mode at arroba: written at our key, found again, taken back (docs/servers.md)."""

import io

import pytest
from PIL import Image
from tests.contract.arroba.conftest import a_token

from elonara import jobs
from elonara.atproto.tid import new_tid
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Invitation, State

POST = {"text": "Hello", "langs": ["en"]}
UNDO_STEPS = 7


def write(host, account, key, text="Hello"):
    return LegacyBlueskyAgent().create_post_for_member(host.pk, POST | {"text": text}, author_did=account.did, rkey=key)


def test_a_post_is_written_at_our_key_found_and_deleted(server, host, account):
    agent, key = LegacyBlueskyAgent(), new_tid()
    assert agent.find_post(host.pk, account.did, key).absent
    made = write(host, account, key)
    assert made.success, made
    assert made.uri == f"at://{account.did}/app.bsky.feed.post/{key}"
    found = agent.find_post(host.pk, account.did, key)
    assert (found.success, found.cid) == (True, made.cid)
    assert not agent.post_is_gone(host.pk, account.did, key)
    agent.delete_post(host.pk, account.did, key)
    assert server.posts(account.did) == {}
    assert agent.find_post(host.pk, account.did, key).absent
    assert agent.post_is_gone(host.pk, account.did, key)


def test_a_second_write_at_a_key_replaces_the_first_and_makes_no_second_post(server, host, account):
    key = new_tid()
    assert write(host, account, key).success
    assert write(host, account, key, "Again").success
    assert server.posts(account.did) == {key: "Again"}


def test_an_account_that_rests_is_waited_for(server, host, account):
    key = new_tid()
    server.tell(state_of=account.did, state="deactivated")
    result = write(host, account, key)
    assert (result.success, result.reason, result.retryable) == (False, "account_deactivated", True)
    found = LegacyBlueskyAgent().find_post(host.pk, account.did, key)
    assert (found.absent, found.retryable) == (False, True)
    server.tell(state_of=account.did, state="active")
    assert write(host, account, key).success


def test_what_it_does_not_take_is_refused_for_good_in_its_words(host, account):
    result = LegacyBlueskyAgent().create_post_for_member(host.pk, {"langs": ["en"]})
    assert (result.reason, result.retryable, result.ambiguous) == ("record_refused", False, False)
    assert "text" in result.error_message


@pytest.mark.parametrize("words", ["", "A title, a description, an embed, 2026 "])
def test_a_text_that_it_counts_longer_is_called_too_long(host, account, words):
    result = write(host, account, new_tid(), words + "x" * 301)
    assert (result.reason, result.retryable) == ("text_too_long", False)


def test_invitations_are_sent_once_each_and_taken_back(server, host, account, event, friends, clock):
    sent = actions.invite(host, event, friends)
    assert sent.queued == 3
    jobs.drain()
    rows = list(Invitation.objects.all())
    assert {row.state for row in rows} == {State.SENT}
    assert set(server.posts(account.did)) == {row.rkey for row in rows} | {Announcement.objects.get().rkey}
    row = rows[0]
    actions.undo(row, host)
    for _ in range(UNDO_STEPS):
        jobs.drain()
        clock.pass_(minutes=1)
    row.refresh_from_db()
    assert row.state == State.UNDONE
    assert row.rkey not in server.posts(account.did)


def test_after_an_unknown_outcome_the_key_is_read_and_nothing_is_written_twice(
    server, host, account, event, friends, clock
):
    actions.invite(host, event, friends[:1], thread=False)
    row = Invitation.objects.get()
    written = write(host, account, row.rkey, "As an attempt left it, whose answer was lost")
    Invitation.objects.update(ambiguous=True, attempts=1, first_attempt_at=clock.now(), last_attempt_at=clock.now())
    clock.pass_(seconds=30)
    jobs.drain()
    row.refresh_from_db()
    assert (row.state, row.cid) == (State.SENT, written.cid)
    assert list(server.posts(account.did)) == [row.rkey]


def test_a_picture_that_it_does_not_take_costs_the_picture_alone(server, host, account, event, friends):
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(data, "JPEG")
    events.change(event, by=host, picture=data.getvalue())
    assert actions.invite(host, event, friends[:1], thread=False).queued == 1
    jobs.drain()
    row = Invitation.objects.get()
    assert row.state == State.SENT
    assert "thumb" not in server.post(account.did, row.rkey)["embed"]["external"]


def test_what_it_counts_longer_is_shortened_and_shown_again(server, host, account, event, friends, clock):
    """Its tables are older: a conjunct of Devanagari is two graphemes there, and one by today's."""
    note = "क्त" * 100
    actions.invite(host, event, friends[:1], thread=False, note=note)
    jobs.drain()
    row = Invitation.objects.get()
    assert (row.needs_confirmation, server.posts(account.did)) == (True, {})
    actions.confirm(row, host)
    jobs.drain()
    row.refresh_from_db()
    assert row.state == State.SENT
    assert 0 < server.posts(account.did)[row.rkey].count("क्त") < 100


def test_invitations_wait_while_its_token_is_another_and_go_once_it_is_known(
    server, host, account, event, friends, clock
):
    server.tell(token=a_token(), password="changed at the server")
    actions.invite(host, event, friends[:1], thread=False)
    jobs.drain()
    row = Invitation.objects.get()
    assert (row.state, row.reason) == (State.WAITING, "app_password_refused")
    assert server.posts(account.did) == {}
