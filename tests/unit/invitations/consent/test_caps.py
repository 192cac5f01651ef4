"""The caps count both posts of an invitation that was undone and sent again."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from elonara.bluesky.writing.agent import Readiness
from elonara.invitations import actions
from elonara.invitations.account_models import PastInvitation, SendingAccountHolder
from elonara.invitations.consent import accounts, caps
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.results import InvitationRefused
from elonara.options import Relay

RELAY = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")


@pytest.fixture
def clock(clock):
    """It is ten in the morning: no test runs over midnight, and a day later the next day's posts have started."""
    now = clock.now()
    morning = now.replace(hour=10, minute=0, second=0, microsecond=0)
    clock.ahead += (morning if morning >= now else morning + timedelta(days=1)) - now
    return clock


@pytest.fixture
def set_caps(set_options):
    def go(day, week=100):
        limits = {"per_day": day, "first_week_per_day": day, "per_week": week}
        set_options(invitations={"spacing_seconds": 0, **limits})

    return go


@pytest.fixture
def undo(alice, deliver, clock, row):
    """Undo the posts of some people, until they are undone."""

    def go(*names):
        for name in names:
            actions.undo(row(name), alice)
        for _ in range(8):
            deliver()
            clock.pass_(minutes=1)
        assert {row(name).state for name in names} == {State.UNDONE}

    return go


@pytest.fixture
def written(agent):
    """How many posts have been written."""
    return lambda: [what for what, _ in agent.calls].count("create")


def test_both_posts_of_a_day_with_room_are_counted(set_caps, picnic, alice, send, deliver, undo, row, written):
    set_caps(3)
    send(picnic, "bob", thread=False)
    deliver()
    assert caps.remaining(alice).today == 2
    undo("bob")
    assert caps.remaining(alice).today == 2, "an undone post keeps its place"
    actions.confirm(row("bob"), alice)
    deliver()
    assert (row("bob").state, written()) == (State.SENT, 2)
    assert caps.remaining(alice).today == 1
    sent = send(picnic, "carol", "dan", thread=False)
    assert (sent.today, len(sent.later)) == (1, 1)
    deliver()
    assert written() == 3


@pytest.mark.promise("host-caps")
def test_a_day_never_has_more_posts_than_its_cap_whatever_is_undone(
    set_caps, picnic, alice, send, deliver, undo, row, written
):
    set_caps(3)
    send(picnic, "bob", "carol", thread=False)
    deliver()
    undo("bob", "carol")
    actions.confirm(row("bob"), alice)
    actions.confirm(row("carol"), alice)
    deliver()
    assert written() == 3
    assert sorted(row(name).state for name in ("bob", "carol")) == [State.QUEUED, State.SENT]


def test_the_first_post_keeps_its_place_in_the_week_when_the_second_goes_on_another_day(
    set_caps, picnic, alice, send, deliver, undo, row, written, clock
):
    set_caps(1, week=2)
    send(picnic, "bob", thread=False)
    deliver()
    undo("bob")
    actions.confirm(row("bob"), alice)
    clock.pass_(days=1)
    deliver()
    assert written() == 2
    assert caps.remaining(alice).this_week == 0
    clock.pass_(days=1)
    send(picnic, "carol", thread=False)
    deliver()
    assert written() == 2, "the week is full"


@pytest.mark.parametrize("end", ["cancel", "hand over"])
def test_ending_the_second_attempt_does_not_free_the_place_of_the_first_post(
    set_caps, picnic, alice, send, deliver, undo, row, written, end
):
    set_caps(2)
    send(picnic, "bob", "carol", thread=False)
    deliver()
    undo("bob", "carol")
    for name in ("bob", "carol"):
        actions.confirm(row(name), alice)
        actions.cancel(row(name), alice) if end == "cancel" else actions.hand_over(row(name), alice)
    assert caps.remaining(alice).today == 0
    actions.invite(alice, picnic, ["did:plc:dan"], thread=False)
    deliver()
    assert written() == 2


def test_inviting_again_after_a_cancelled_second_attempt_keeps_the_first_post_counted(
    set_caps, picnic, alice, send, deliver, undo, row, written
):
    set_caps(2)
    send(picnic, "bob", thread=False)
    deliver()
    undo("bob")
    actions.confirm(row("bob"), alice)
    actions.cancel(row("bob"), alice)
    assert caps.remaining(alice).today == 1
    assert send(picnic, "bob", thread=False).queued == 1
    assert caps.remaining(alice).today == 0
    deliver()
    assert written() == 2
    undo("bob")
    with pytest.raises(InvitationRefused) as refused:
        actions.confirm(row("bob"), alice)
    assert refused.value.code == "undone_for_good"


def test_the_person_gets_one_invitation_however_often_it_is_posted(
    set_options, set_caps, make_event, alice, send, deliver, undo, written
):
    set_caps(9)
    set_options(invitations={"per_person_per_week": 2})
    first = make_event(title="First")
    send(first, "bob", thread=False)
    deliver()
    undo("bob")
    actions.confirm(Invitation.objects.get(), alice)
    assert send(make_event(title="Second"), "bob", thread=False).queued == 1
    deliver()
    assert written() == 3


def test_the_relay_counts_its_posts_even_when_the_host_posts_herself_later(
    set_options, set_caps, picnic, agent, alice, send, deliver, undo, row
):
    set_options(bluesky={"relay": Relay(per_day=2, audience="all")})
    own, agent.ready = agent.ready, RELAY
    send(picnic, "bob", thread=False)
    deliver()
    undo("bob")
    agent.ready = own
    actions.confirm(row("bob"), alice)
    assert (row("bob").voice, row("bob").author_did) == ("host", "did:plc:host")
    agent.ready = RELAY
    assert send(picnic, "carol", "dan", thread=False).today == 1
    assert not Announcement.objects.exists()


def test_a_place_of_last_week_is_free_again(set_caps, picnic, alice, send, deliver, undo, row, clock):
    set_caps(1, week=2)
    send(picnic, "bob", thread=False)
    deliver()
    undo("bob")
    actions.confirm(row("bob"), alice)
    clock.pass_(days=1)
    deliver()
    assert row("bob").counted_on - row("bob").undone_on == timedelta(days=1)
    clock.pass_(days=6)
    assert caps.remaining(alice).this_week == 1
    clock.pass_(days=1)
    assert caps.remaining(alice).this_week == 2


def test_two_confirmations_at_once_take_one_more_place(set_caps, picnic, alice, send, deliver, undo, row):
    set_caps(9)
    send(picnic, "bob", thread=False)
    deliver()
    undo("bob")
    seen, together = Counter(), threading.Barrier(2)

    def confirm(found):
        try:
            together.wait(10)
            actions.confirm(found, alice)
            seen["confirmed"] += 1
        except InvitationRefused as refused:
            seen[refused.code] += 1
        finally:
            connection.close()

    hosts = [threading.Thread(target=confirm, args=(row("bob"),)) for _ in range(2)]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(20)
    assert seen == {"confirmed": 1, "wrong_state": 1}
    assert caps.remaining(alice).today == 7


def test_an_undo_that_meets_the_confirmation_neither_frees_nor_takes_a_place(
    set_caps, picnic, alice, send, deliver, undo, row
):
    set_caps(9)
    send(picnic, "bob", thread=False)
    deliver()
    actions.undo(row("bob"), alice)
    with pytest.raises(InvitationRefused):
        actions.confirm(row("bob"), alice)  # it is still being undone
    undo("bob")
    actions.confirm(row("bob"), alice)
    with pytest.raises(InvitationRefused):
        actions.undo(row("bob"), alice)  # no post exists, so there is nothing to undo
    assert caps.remaining(alice).today == 7
    assert row("bob").next_attempt_at <= timezone.now()


def test_a_page_counts_what_sending_counts(set_caps, picnic, alice, make_member, send, deliver, undo, row, clock):
    """The picker counts in one statement, sending in several: invitations, undone ones, e-mails, deleted ones."""
    set_caps(50)
    send(picnic, "bob", "carol", "dan", thread=False)
    deliver()
    undo("bob")
    actions.confirm(row("bob"), alice)
    today = row("carol").counted_on
    account = accounts.find(alice)
    for days, by_email in ((0, False), (1, True), (6, False), (7, False), (9, True)):
        PastInvitation.objects.create(
            account=account, person=f"p{days}", by_email=by_email, counted_on=today - timedelta(days=days)
        )
    zoe = make_member("zoe")
    assert caps._taken(zoe, today) == caps._taken_at_once(zoe, today) == Counter()
    SendingAccountHolder.objects.create(account=account, member=zoe)
    for host in (alice, zoe):
        for ahead in range(-2, 9):
            first = today + timedelta(days=ahead)
            assert caps._taken(host, first) == caps._taken_at_once(host, first), (host, ahead)
    assert sum(caps._taken_at_once(zoe, today).values()) == 7
