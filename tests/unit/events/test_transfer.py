"""Giving an event to somebody else: she is asked, she accepts, and only then it is hers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from elonara.communities import transfer_rows
from elonara.communities.models import Transfer
from elonara.events import actions, queries, transfer
from elonara.events.models import Event, EventHost
from elonara.members import actions as members
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Notice


@pytest.fixture
def bob(make_member):
    return make_member("bob", did="did:plc:bob", display_name="Bob")


@pytest.fixture
def asked(picnic, alice, bob):
    transfer.ask(picnic, by=alice, member=bob)
    return bob


def roles(event):
    return {row.member.username: row.role for row in EventHost.objects.filter(event=event).select_related("member")}


def open_texts(member):
    return [notice.text for notice in member.notices.filter(dismissed_at=None).order_by("created_at")]


def said(subject="event picnic"):
    return list(AuditEntry.objects.filter(subject=subject).order_by("pk").values_list("who", "what", "note"))


@pytest.mark.promise("transfer-accepted")
def test_nothing_changes_until_she_accepts(picnic, alice, asked):
    assert roles(picnic) == {"alice": "host"}
    assert not queries.may_manage(picnic, asked)
    assert open_texts(asked) == ["Alice asks you to take over Picnic. Accept or decline on its page."]
    assert asked.notices.get().link == f"/events/{picnic.slug}"
    for attempt in (
        lambda: actions.change(picnic, by=asked, title="Mine"),
        lambda: actions.cancel(picnic, asked),
        lambda: transfer.ask(picnic, by=asked, member=asked),
        lambda: transfer.take_back(picnic, by=asked),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert transfer_rows.waiting(picnic).to == asked


def test_when_she_accepts_she_is_the_host_and_the_former_one_a_cohost(picnic, alice, asked, heard):
    transfer.accept(picnic, by=asked)
    assert roles(picnic) == {"alice": "cohost", "bob": "host"}
    assert [row.member.username for row in queries.hosts(picnic)] == ["bob", "alice"]
    assert picnic.created_by == asked
    assert open_texts(alice) == ["Bob has taken over Picnic. You stay as a co-host."]
    assert open_texts(asked) == ["Picnic is yours now. Alice stays as a co-host."]
    assert said() == [("alice", "transfer_asked", "bob"), ("bob", "transferred", "from alice")]
    actions.change(picnic, by=asked, visibility="private")
    with pytest.raises(NotAllowed, match="Only the host"):
        actions.change(picnic, by=alice, visibility="public")
    actions.remove_cohost(picnic, by=alice, member=alice)
    assert roles(picnic) == {"bob": "host"}


def test_listeners_hear_of_new_hosts_once(picnic, asked, heard, django_capture_on_commit_callbacks):
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            transfer.accept(picnic, by=asked)
    assert heard == [(picnic.slug, {"hosts"})]


def test_pressing_accept_twice_is_as_once(picnic, asked):
    transfer.accept(picnic, by=asked)
    transfer.accept(picnic, by=asked)
    assert roles(picnic) == {"alice": "cohost", "bob": "host"}
    assert len(said()) == 2


def test_she_can_give_it_back(picnic, alice, asked):
    transfer.accept(picnic, by=asked)
    with pytest.raises(NotAllowed, match="Only the host"):
        transfer.ask(picnic, by=alice, member=alice)
    transfer.ask(picnic, by=asked, member=alice)
    transfer.accept(picnic, by=alice)
    assert roles(picnic) == {"alice": "host", "bob": "cohost"}
    assert picnic.created_by == alice


@pytest.mark.promise("transfer-accepted")
def test_only_who_is_asked_answers(picnic, alice, asked, make_member):
    mallory = make_member("mallory")
    for member in (mallory, alice):
        for answer in (transfer.accept, transfer.decline):
            with pytest.raises(NotAllowed, match="Nobody is asking you") as refused:
                answer(picnic, by=member)
            assert refused.value.code == "not_asked"
    transfer.accept(picnic, by=asked)
    assert roles(picnic) == {"alice": "cohost", "bob": "host"}


@pytest.mark.promise("transfer-accepted")
def test_only_the_host_asks_and_takes_back(picnic, alice, asked, make_member):
    zoe = make_member("zoe")
    actions.add_cohost(picnic, by=alice, member=zoe)
    actions.accept_cohost(picnic, by=zoe)
    transfer.take_back(picnic, by=alice)
    for member in (zoe, asked, make_member()):
        with pytest.raises(NotAllowed, match="Only the host"):
            transfer.ask(picnic, by=member, member=member)
    transfer.ask(picnic, by=alice, member=asked)
    with pytest.raises(NotAllowed, match="Only the host"):
        transfer.take_back(picnic, by=zoe)
    assert transfer_rows.waiting(picnic).to == asked


def test_a_question_can_be_taken_back(picnic, alice, asked):
    transfer.take_back(picnic, by=alice)
    assert open_texts(asked) == []
    with pytest.raises(NotAllowed, match="Nobody is asking you"):
        transfer.accept(picnic, by=asked)
    transfer.take_back(picnic, by=alice)  # nobody is asked
    assert [what for _, what, _ in said()] == ["transfer_asked", "transfer_taken_back"]
    assert roles(picnic) == {"alice": "host"}


def test_one_at_a_time(picnic, alice, asked, make_member):
    assert transfer.ask(picnic, by=alice, member=asked).to == asked  # pressed twice: one notice, one row
    with pytest.raises(NotAllowed, match="Bob has already been asked"):
        transfer.ask(picnic, by=alice, member=make_member())
    assert Transfer.objects.count() == 1
    assert Notice.objects.count() == 1


def test_who_declined_is_asked_once_more_after_a_day(picnic, alice, asked, clock):
    transfer.decline(picnic, by=asked)
    assert open_texts(alice) == ["Bob declined to take over Picnic. Nothing has changed."]
    assert roles(picnic) == {"alice": "host"}
    clock.pass_(hours=23)
    with pytest.raises(NotAllowed, match="once more, a day after"):
        transfer.ask(picnic, by=alice, member=asked)
    clock.pass_(hours=2)
    transfer.ask(picnic, by=alice, member=asked)
    transfer.decline(picnic, by=asked)
    clock.pass_(hours=26)
    with pytest.raises(NotAllowed, match="said no twice"):
        transfer.ask(picnic, by=alice, member=asked)


def test_a_host_cannot_fill_somebodys_notices(picnic, alice, make_member, clock):
    for _ in range(transfer_rows.MAX_A_DAY):
        transfer.ask(picnic, by=alice, member=make_member())
        transfer.take_back(picnic, by=alice)
    with pytest.raises(NotAllowed, match="Try again tomorrow") as refused:
        transfer.ask(picnic, by=alice, member=make_member())
    assert refused.value.code == "too_many"
    clock.pass_(hours=25)
    transfer.ask(picnic, by=alice, member=make_member())


@pytest.mark.parametrize("standing", ["suspended", "pending"])
def test_who_may_not_act_is_not_asked(picnic, alice, make_member, standing):
    with pytest.raises(NotAllowed, match="not active") as refused:
        transfer.ask(picnic, by=alice, member=make_member("zed", standing=standing))
    assert refused.value.code == "not_active"
    assert not Transfer.objects.exists()


def test_and_not_the_host_herself(picnic, alice):
    with pytest.raises(NotAllowed, match="already"):
        transfer.ask(picnic, by=alice, member=alice)


@pytest.mark.promise("transfer-accepted")
def test_who_was_suspended_meanwhile_does_not_accept(picnic, asked):
    asked.standing = "suspended"
    asked.save()
    with pytest.raises(NotAllowed, match="suspended"):
        transfer.accept(picnic, by=asked)
    assert roles(picnic) == {"alice": "host"}


@pytest.mark.promise("transfer-accepted")
def test_an_event_of_a_suspended_host_is_not_brought_back_by_a_friend(picnic, alice, asked):
    alice.standing = "suspended"
    alice.save()
    assert transfer_rows.asked(picnic, asked) is None
    with pytest.raises(NotAllowed, match="Nobody is asking you"):
        transfer.accept(picnic, by=asked)
    assert not queries.may_see(Event.objects.get())
    alice.standing = "active"
    alice.save()
    transfer.accept(picnic, by=asked)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hidden_at": timezone.now()}, "hidden by the operator"),
        ({"status": "cancelled"}, "was cancelled"),
        ({"starts_at": timezone.now() - timedelta(hours=4)}, "is over"),
    ],
)
def test_what_has_ended_or_is_hidden_stays_where_it_is(picnic, alice, asked, make_member, change, sentence):
    Event.objects.update(**change)
    picnic.refresh_from_db()
    with pytest.raises(NotAllowed, match=sentence):
        transfer.require_giver(picnic, alice)
    with pytest.raises(NotAllowed, match=sentence):
        transfer.accept(picnic, by=asked)
    transfer.take_back(picnic, by=alice)
    with pytest.raises(NotAllowed, match=sentence):
        transfer.ask(picnic, by=alice, member=make_member())
    assert roles(picnic) == {"alice": "host"}


def test_cancelling_and_hiding_end_the_question(make_event, alice, bob, make_member):
    operator = make_member("operator", is_superuser=True, is_staff=True)
    for number, ended in enumerate((lambda row: actions.cancel(row, alice), lambda row: actions.hide(row, operator))):
        event = make_event(title=f"Number {number}")
        transfer.ask(event, by=alice, member=bob)
        ended(event)
        assert transfer_rows.waiting(event) is None
        assert open_texts(bob) == []


def test_who_is_asked_about_a_private_event_may_read_it_and_finds_it_in_no_list(supper, alice, bob, make_member):
    transfer.ask(supper, by=alice, member=bob)
    assert queries.may_see(supper, bob)
    assert supper not in queries.visible_to(bob)
    assert not queries.may_see(supper, make_member())
    transfer.decline(supper, by=bob)
    assert not queries.may_see(supper, bob)


@pytest.mark.parametrize("answer", ["accepted_at", "declined_at", None])
def test_who_is_or_was_asked_to_be_a_cohost_can_be_the_host(picnic, alice, bob, answer):
    actions.add_cohost(picnic, by=alice, member=bob)
    if answer:
        EventHost.objects.filter(member=bob).update(**{answer: timezone.now()})
    transfer.ask(picnic, by=alice, member=bob)
    transfer.accept(picnic, by=bob)
    row = EventHost.objects.get(member=bob)
    assert (row.role, row.declined_at) == ("host", None)
    assert row.accepted_at is not None
    assert open_texts(bob) == ["Picnic is yours now. Alice stays as a co-host."]
    assert not queries.is_asked_to_host(picnic, bob)


def test_who_answers_for_it_now_is_whose_suspension_withholds_it(picnic, alice, asked, make_member):
    transfer.accept(picnic, by=asked)
    operator = make_member("operator", is_superuser=True, is_staff=True)
    members.suspend(alice, operator)
    assert queries.may_see(Event.objects.get())
    members.suspend(asked, operator)
    assert not queries.may_see(Event.objects.get())
    assert not queries.upcoming_public().exists()


def test_replies_of_guests_go_to_nobody_who_has_not_said_so(make_event, alice, bob):
    event = make_event(title="Lunch", replies_to_host=True)
    transfer.ask(event, by=alice, member=bob)
    assert Event.objects.get().replies_to_host
    transfer.accept(event, by=bob)
    assert not event.replies_to_host
    actions.change(event, by=bob, replies_to_host=True)


def at_once(*calls):
    """Run each call in a thread of its own, all starting together; returns the exceptions' names, "" for none."""
    together = Barrier(len(calls))

    def run(call):
        together.wait(10)
        try:
            call()
        except NotAllowed:
            return "refused"
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.promise("transfer-accepted")
    def test_two_accepts_are_one(self, picnic, asked):
        assert at_once(*[lambda: transfer.accept(picnic, by=asked)] * 4) == [""] * 4
        assert roles(picnic) == {"alice": "cohost", "bob": "host"}
        assert [what for _, what, _ in said()] == ["transfer_asked", "transferred"]

    @pytest.mark.promise("transfer-accepted")
    def test_of_accept_decline_and_take_back_one_comes_first(self, picnic, alice, asked):
        outcome = at_once(
            lambda: transfer.accept(picnic, by=asked),
            lambda: transfer.decline(picnic, by=asked),
            lambda: transfer.take_back(picnic, by=alice),
        )
        row = Transfer.objects.get()
        given = roles(picnic) == {"alice": "cohost", "bob": "host"}
        assert given == (row.outcome == "accepted") == (outcome[0] == "")
        assert given or roles(picnic) == {"alice": "host"}

    @pytest.mark.promise("transfer-accepted")
    def test_of_two_who_are_asked_at_once_one_is(self, picnic, alice, bob, make_member):
        zoe = make_member("zoe")
        asked = at_once(*[lambda who=who: transfer.ask(picnic, by=alice, member=who) for who in (bob, zoe)])
        assert sorted(asked) == ["", "refused"]
        assert Transfer.objects.count() == 1

    @pytest.mark.promise("transfer-accepted")
    def test_accepting_while_it_is_cancelled_has_one_outcome(self, picnic, alice, asked):
        given, _ = at_once(lambda: transfer.accept(picnic, by=asked), lambda: actions.cancel(picnic, alice))
        assert (given == "") == (roles(picnic) == {"alice": "cohost", "bob": "host"})
        assert Event.objects.get().status == "cancelled"
        assert transfer_rows.waiting(picnic) is None
