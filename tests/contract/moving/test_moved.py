"""An account moves to another PDS while invitations wait: two real PDSs on one PLC directory."""

import httpx2
import pytest
from django.utils import timezone

from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.invitations import actions, queries, reasons
from elonara.invitations.models import Invitation, State
from elonara.members.models import Notice

CREATE = "com.atproto.repo.createRecord"
both_modes = pytest.mark.parametrize("mode", ["legacy", "oauth"])


def invite(host, event, friend):
    return actions.invite(host, event, [friend.did], thread=False)


def what_the_host_reads(host, event):
    """Everything that the site tells the host about her invitations."""
    row, ready = Invitation.objects.get(), queries.readiness(host)
    found = reasons.reason(row.reason)
    notices = Notice.objects.filter(member=host, dismissed_at=None).values_list("text", flat=True)
    return " ".join([
        found.sentence, found.way_on, row.error, ready.sentence, ready.way_on, str(queries.progress(event, host)),
        *notices,
    ])  # fmt: skip


def nothing_at_the_old_home(moved):
    # A PDS lists no records of a deactivated account, but gives its owner the whole repository.
    return b"app.bsky.feed.post" not in moved.old.get("com.atproto.sync.getRepo", {"did": moved.old.account.did})


@both_modes
def test_a_queued_row_waits_and_goes_once_from_the_new_home(
    mode, host, account, friend, make_event, deliver, move, help_it_on, posts_at, stored, network, clock
):
    event = make_event()
    invite(host, event, friend)
    moved = move()
    deliver()
    row = Invitation.objects.get()
    assert (row.state, row.reason) == (State.WAITING, {"legacy": "app_password_moved", "oauth": "moved"}[mode])
    assert stored().state_reason == "moved"
    assert MemberIdentity.objects.get().state_reason in {"", "moved"}
    assert (row.state, "moved" in row.reason) == (State.WAITING, True)
    words = what_the_host_reads(host, event)
    assert "ctivate" not in words
    assert {"legacy": "app password", "oauth": "Reauthorize"}[mode] in words
    for _ in range(3):  # nothing more is tried at the old home
        clock.pass_(hours=2)
        deliver()
    assert posts_at(network.second_pds) == []
    assert Invitation.objects.get().state == State.WAITING

    help_it_on(host, moved)
    deliver()
    row = Invitation.objects.get()
    assert (row.state, row.reason) == (State.SENT, "")
    assert posts_at(network.second_pds) == [row.rkey]
    assert nothing_at_the_old_home(moved)
    assert stored().pds_url == network.second_pds
    assert not Notice.objects.filter(member=host, dismissed_at=None).exists()


@both_modes
def test_what_was_written_before_the_move_is_found_at_the_new_home_and_not_written_again(
    mode, host, friend, make_event, deliver, move, help_it_on, posts_at, faults, network, clock
):
    invite(host, make_event(), friend)
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    deliver()
    row = Invitation.objects.get()
    assert (row.state, row.ambiguous) == (State.QUEUED, True)
    moved = move()
    assert posts_at(network.second_pds) == [row.rkey]
    clock.pass_(seconds=30)
    deliver()
    # Reading needs no permission: she is asked for nothing.
    assert Invitation.objects.get().state == State.SENT
    help_it_on(host, moved)
    deliver()
    assert posts_at(network.second_pds) == [row.rkey]


@both_modes
def test_what_was_tried_and_not_written_before_the_move_goes_once_from_the_new_home(
    mode, host, friend, make_event, deliver, move, help_it_on, posts_at, faults, network, clock
):
    event = make_event()
    invite(host, event, friend)
    faults({"match": CREATE, "kind": "drop-before", "times": 1})
    deliver()
    assert Invitation.objects.get().ambiguous
    moved = move()
    assert nothing_at_the_old_home(moved)
    clock.pass_(seconds=30)
    deliver()
    row = Invitation.objects.get()
    assert row.state in {State.WAITING, State.QUEUED}
    assert "ctivate" not in what_the_host_reads(host, event)
    help_it_on(host, moved)
    deliver()
    row = Invitation.objects.get()
    assert row.state == State.SENT
    assert posts_at(network.second_pds) == [row.rkey]
    assert nothing_at_the_old_home(moved)


@both_modes
def test_a_copy_that_stayed_behind_at_the_old_home_counts_for_nothing(
    mode, host, friend, make_event, deliver, begin_to_move, help_it_on, posts_at, faults, network, clock
):
    # Written at the old home after the repository was exported: nobody on the network will ever see that record.
    moved = begin_to_move()
    moved.copy()
    invite(host, make_event(), friend)
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    deliver()
    row = Invitation.objects.get()
    assert row.ambiguous
    moved.point_the_did()
    moved.activate()
    network.sync()
    assert (posts_at(network.pds), posts_at(network.second_pds)) == ([row.rkey], [])
    moved.leave()
    clock.pass_(seconds=30)
    deliver()
    assert Invitation.objects.get().state != State.SENT
    help_it_on(host, moved)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert posts_at(network.second_pds) == [row.rkey]


@both_modes
def test_an_account_that_is_deleted_at_the_old_home_has_moved_too(
    mode, host, account, friend, make_event, deliver, move, help_it_on, posts_at, stored, network, clock
):
    event = make_event()
    invite(host, event, friend)
    moved = move()
    body = {"did": account.did}
    with httpx2.Client(timeout=30, trust_env=False) as client:
        url = f"{network.pds}/xrpc/com.atproto.admin.deleteAccount"
        assert client.post(url, json=body, auth=("admin", "admin-pass")).status_code == 200
    deliver()
    assert Invitation.objects.get().state == State.WAITING
    assert stored().state_reason == "moved"
    assert "ctivate" not in what_the_host_reads(host, event)
    help_it_on(host, moved)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert posts_at(network.second_pds) == [Invitation.objects.get().rkey]


@both_modes
def test_an_expired_token_finds_out_about_the_move_too(
    mode, host, friend, make_event, deliver, move, stored, network, clock
):
    invite(host, make_event(), friend)
    move()
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    deliver()
    assert Invitation.objects.get().state == State.WAITING
    assert stored().state_reason == "moved"


@both_modes
def test_an_old_home_that_goes_on_taking_posts_gets_none(
    mode, host, account, friend, make_event, deliver, begin_to_move, help_it_on, posts_at, stored, network, clock
):
    # Nobody is made to deactivate the account that is left behind.
    invite(host, make_event(), friend)
    moved = begin_to_move()
    moved.copy()
    moved.point_the_did()
    moved.activate()
    network.sync()
    site_network.resolver().resolve_did(account.did, fresh=True)  # minutes later, when nothing older is cached
    deliver()
    row = Invitation.objects.get()
    assert (row.state, stored().state_reason) == (State.WAITING, "moved")
    assert posts_at(network.pds) == []
    help_it_on(host, moved)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert (posts_at(network.pds), posts_at(network.second_pds)) == ([], [row.rkey])


@both_modes
def test_a_post_is_taken_back_at_the_new_home(
    mode, host, friend, make_event, deliver, move, help_it_on, posts_at, network, clock
):
    event = make_event()
    invite(host, event, friend)
    deliver()
    row = Invitation.objects.get()
    assert row.state == State.SENT
    moved = move()
    actions.undo(row, host)
    deliver()
    assert Invitation.objects.get().state == State.UNDOING
    assert "ctivate" not in what_the_host_reads(host, event)
    help_it_on(host, moved)
    for _ in range(8):
        deliver()
        clock.pass_(minutes=1)
    assert Invitation.objects.get().state == State.UNDONE
    assert posts_at(network.second_pds) == []


@both_modes
def test_an_account_that_is_only_deactivated_waits_and_goes_on_by_itself(
    mode, host, friend, make_event, deliver, begin_to_move, posts_at, stored, network, clock
):
    invite(host, make_event(), friend)
    owner = begin_to_move().old
    owner.post("com.atproto.server.deactivateAccount", {})
    for _ in range(2):
        deliver()
        clock.pass_(hours=2)
    row = Invitation.objects.get()
    assert (row.state, row.reason) == (State.WAITING, "account_deactivated")
    assert (stored().state, stored().state_reason) == ("active", "")
    owner.post("com.atproto.server.activateAccount")
    network.sync()
    clock.pass_(hours=2)
    deliver()
    assert Invitation.objects.get().state == State.SENT
    assert posts_at(network.pds) == [row.rkey]


@pytest.mark.promise("own-server")
def test_the_old_app_password_is_never_sent_to_the_new_home(host, friend, make_event, deliver, move, network, clock):
    moved = move()
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    tried = "com.atproto.server.createSession"
    network.faults([{"match": tried, "kind": "status", "status": 401, "body": {"error": "AuthenticationRequired"}}])
    try:
        ready = BlueskyAgentFactory.make().create_post_for_member(host.pk, {"text": "Hello"})
    finally:
        asked = [one["url"] for one in network.fault_log() if tried in one["url"]]
        network.faults([])
    assert ready.reason == "app_password_moved"
    assert ready.needs_reauth
    assert not asked
    assert app_passwords.connect(host, "", moved.app_password()).pds_url == network.second_pds
