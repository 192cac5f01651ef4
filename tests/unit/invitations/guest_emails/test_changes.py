"""Who hears of a change, how often, and what the e-mail says."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara import jobs
from elonara.bluesky.models import MemberIdentity
from elonara.events import actions
from elonara.events.guests import adoption, approval, by_host, rsvps
from elonara.events.messages.models import GuestMessage, MessageKind
from elonara.events.messages.telling import OFTEN, tell
from elonara.invitations.email import tokens
from elonara.members.models import Notice
from elonara.members.queries import open_notices


def receivers():
    return sorted(address for message in SENT for address in message.to)


def body():
    return SENT[-1].body


def html():
    return SENT[-1].alternatives[0].content


def test_a_new_time_is_told_once_to_who_may_come(picnic, alice, bob, ana, with_address, going, settle, soon):
    ana(picnic, "maybe")
    going(picnic, with_address("carol"), "cant")
    going(picnic, with_address("dora"), "maybe")
    going(picnic, alice)
    actions.change(picnic, by=alice, starts_at=soon + timedelta(hours=1))
    assert SENT == []
    settle()
    assert receivers() == ["Ana Lima <ana@example.org>", "Bob <bob@example.org>", "dora <dora@example.org>"]
    assert {message.subject for message in SENT} == {"[Elonara] New time: Picnic"}
    settle()
    assert len(SENT) == 3


def test_who_waits_hears_too(make_event, alice, with_address, going, settle):
    event = make_event(capacity=1)
    for name in ("first", "second"):
        going(event, with_address(name))
    actions.change(event, by=alice, location="The oak")
    settle()
    assert receivers() == ["first <first@example.org>", "second <second@example.org>"]
    assert "because you are waiting for a place" in body()


def test_titles_descriptions_and_zones_tell_nobody(picnic, alice, bob, settle, told):
    actions.change(picnic, by=alice, title="Supper", description="Bring bread.", plus_ones_allowed=3)
    actions.change(picnic, by=alice, timezone="Africa/Abidjan", starts_at=picnic.starts_at)  # the same moment
    settle()
    assert (SENT, told(), open_notices(bob).count()) == ([], [], 0)


@pytest.mark.promise("told-once")
def test_edits_in_a_short_time_are_one_message_about_the_newest(picnic, alice, bob, settle, soon):
    actions.change(picnic, by=alice, location="Beach")
    settle(minutes=1)
    actions.change(picnic, by=alice, starts_at=soon + timedelta(hours=2))
    settle(minutes=1)
    actions.change(picnic, by=alice, location="Hill")
    settle()
    assert len(SENT) == 1
    assert SENT[0].subject == "[Elonara] New time and place: Picnic"
    assert "Where: Hill" in body()
    assert "Beach" not in body()


def test_a_host_who_never_stops_editing_holds_nothing_up_for_long(picnic, alice, bob, settle):
    for number in range(16):
        actions.change(picnic, by=alice, location=f"Hill {number}")
        settle(minutes=1)
    assert len(SENT) == 1


@pytest.mark.promise("told-once")
def test_what_is_undone_before_it_went_out_is_never_told(picnic, alice, bob, settle, told):
    actions.change(picnic, by=alice, location="Beach")
    assert open_notices(bob).count() == 1
    actions.change(picnic, by=alice, location="")
    settle()
    assert (SENT, told()) == ([], [("bob", "changed", "cancelled")])
    assert open_notices(bob).count() == 0


def test_what_is_undone_afterwards_is_told_as_well(picnic, alice, bob, settle):
    actions.change(picnic, by=alice, location="Beach")
    settle()
    actions.change(picnic, by=alice, location="Hill")
    actions.change(picnic, by=alice, location="")
    settle()
    assert [message.subject for message in SENT] == ["[Elonara] New place: Picnic"] * 2
    assert "Before, the place was: Beach" in body()


def test_who_answers_after_the_edit_has_seen_it(picnic, alice, with_address, going, settle):
    actions.change(picnic, by=alice, location="Beach")
    going(picnic, with_address("late"))
    settle()
    assert SENT == []


def test_who_says_no_before_it_leaves_is_left_alone(picnic, alice, bob, going, settle, told):
    actions.change(picnic, by=alice, location="Beach")
    going(picnic, bob, "cant")
    settle()
    assert (SENT, told()) == ([], [("bob", "changed", "cancelled")])


def test_an_event_that_is_hidden_tells_nobody(picnic, alice, bob, make_member, settle):
    actions.change(picnic, by=alice, location="Beach")
    actions.hide(picnic, make_member("operator", is_superuser=True))
    settle()
    assert SENT == []


def test_people_without_an_address_read_it_on_the_site(picnic, alice, make_member, going, settle, told):
    going(picnic, make_member("carol"))
    rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert SENT == []
    assert told() == [("carol", "changed", "shown"), ("did:plc:gil", "changed", "shown")]
    assert set(GuestMessage.objects.values_list("reason", flat=True)) == {"no_address"}


def test_somebody_who_gets_an_account_meanwhile_is_reached_there(picnic, alice, with_address, settle):
    rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)
    actions.change(picnic, by=alice, location="Beach")
    gil = with_address("gil")
    MemberIdentity.objects.create(member=gil, bsky_did="did:plc:gil", bsky_handle="gil.example")
    adoption.adopt(gil, "did:plc:gil")
    settle()
    assert receivers() == ["gil <gil@example.org>"]


def test_an_address_that_is_not_verified_gets_nothing(picnic, alice, bob, settle, told):
    bob.emailaddress_set.update(verified=False)
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert (SENT, told()) == ([], [("bob", "changed", "shown")])


def test_a_cancellation_is_told_at_once_with_the_hosts_word(picnic, alice, bob, ana, deliver, told, settle):
    ana(picnic)
    actions.change(picnic, by=alice, location="Beach")
    actions.cancel(picnic, alice, "It rains.\nNext week!")
    deliver()
    assert receivers() == ["Ana Lima <ana@example.org>", "Bob <bob@example.org>"]
    assert "> It rains.\n> Next week!" in body()
    assert "<blockquote" in html()
    assert Notice.objects.get(member=bob, dismissed_at=None).text == "Picnic was cancelled. “It rains.\nNext week!”"
    settle()
    assert len(SENT) == 2
    assert [state for _, kind, state in told() if kind == "changed"] == ["cancelled", "cancelled"]


def test_the_address_of_a_guest_is_kept_until_the_cancellation_has_left(picnic, alice, ana, deliver, clock):
    row = ana(picnic)
    FAULTS.append(ConnectionRefusedError())
    actions.cancel(picnic, alice)
    deliver()
    tokens.forget_past()
    row.refresh_from_db()
    assert row.address_enc
    clock.pass_(minutes=2)
    deliver()
    assert receivers() == ["Ana Lima <ana@example.org>"]
    tokens.forget_past()
    row.refresh_from_db()
    assert not row.address_enc


def test_a_promoted_guest_is_told_at_once(make_event, with_address, going, deliver):
    event = make_event(capacity=1)
    first, second = with_address("first"), with_address("second")
    going(event, first)
    going(event, second)
    going(event, first, "cant")
    deliver()
    assert receivers() == ["second <second@example.org>"]
    assert SENT[0].subject == "[Elonara] You have a place: Picnic"


def test_a_place_that_was_given_back_is_not_told(make_event, with_address, going, deliver):
    event = make_event(capacity=1)
    first, second = with_address("first"), with_address("second")
    going(event, first)
    going(event, second)
    going(event, first, "cant")
    going(event, second, "cant")
    deliver()
    assert SENT == []


@pytest.mark.promise("off-the-list")
def test_who_was_declined_reads_the_title_alone(supper, with_address, deliver):
    bob = with_address("bob")
    row = rsvps.respond(supper, choice="going", member=bob, invited=True)
    rsvps.withdraw(supper, member=bob)
    tell(supper, row, MessageKind.DECLINED, f"The hosts of {supper.title} have declined.", word="We are too many.")
    deliver()
    assert "Secret supper" in body()
    assert "We are too many." in body()
    for secret in ("oak", supper.slug, f"{supper.starts_at:%H:%M}"):
        assert secret not in body().replace(SENT[0].extra_headers["List-Unsubscribe"], "")
    assert Notice.objects.get(member=bob).link == ""


def test_an_offer_that_has_run_out_is_not_told(make_event, with_address, going, clock, deliver):
    event = make_event(capacity=1)
    going(event, with_address("first"))
    row = going(event, with_address("second"))
    tell(event, row, MessageKind.OFFERED, "A place is free.", expires_at=clock.now() + timedelta(hours=1))
    clock.pass_(hours=2)
    deliver()
    assert SENT == []


def test_telling_many_guests_takes_no_more_statements(picnic, alice, with_address, going, make_event):
    other = make_event(title="Lunch")
    going(other, with_address("only"))
    for number in range(20):
        going(picnic, with_address(f"guest{number}"))

    def statements(event):
        with CaptureQueriesContext(connection) as queries:
            actions.change(event, by=alice, location="Beach")
        return len(queries)

    assert statements(picnic) == statements(other)


@pytest.mark.promise("hidden-place")
def test_a_hidden_place_is_told_to_those_who_come_there_alone(make_event, alice, with_address, going, settle):
    event = make_event(location="Behind the oak", place_hidden=True)
    going(event, with_address("coming"))
    going(event, with_address("unsure"), "maybe")
    actions.change(event, by=alice, location="Behind the beech")
    settle()
    assert receivers() == ["coming <coming@example.org>"]
    assert "Behind the beech" in body()
    SENT.clear()
    actions.change(event, by=alice, starts_at=event.starts_at + timedelta(hours=1))
    settle()
    assert {message.to[0].split()[0]: "beech" in message.body for message in SENT} == {"coming": True, "unsure": False}
    assert {notice.member.username: "beech" in notice.text for notice in Notice.objects.all()} == {
        "coming": True,
        "unsure": False,
    }


@pytest.mark.promise("hidden-place")
def test_the_link_is_told_to_those_who_come_online_alone(make_event, alice, with_address, settle):
    event = make_event(attendance="both", online_link="https://meet.example/one", location="The oak")
    for name, online in (("there", False), ("online", True)):
        rsvps.respond(event, choice="going", member=with_address(name), online=online)
    actions.change(event, by=alice, online_link="https://meet.example/two")
    settle()
    assert receivers() == ["online <online@example.org>"]
    assert "https://meet.example/two" in body()
    assert SENT[0].subject == "[Elonara] New link: Picnic"


def test_a_guest_whom_a_host_added_by_name_is_nobody_to_tell(picnic, alice, settle, told):
    by_host.add(picnic, alice, "Grandmother")
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert (SENT, told()) == ([], [])


@pytest.fixture
def move(picnic, alice, settle):
    """`move(3)`: to a third place; with `settle` the e-mails leave."""

    def to(number, wait=True):
        actions.change(picnic, by=alice, location=f"Place {number}")
        if wait:
            settle()

    return to


@pytest.mark.promise("told-once")
def test_an_event_that_is_moved_again_and_again_is_told_together(picnic, bob, move, clock, told):
    for number in range(OFTEN):
        move(number)
    assert len(SENT) == OFTEN
    for number in range(OFTEN, OFTEN + 10):
        move(number)
    assert len(SENT) == OFTEN
    clock.pass_(hours=6)
    jobs.drain()
    assert len(SENT) == OFTEN + 1
    assert f"Place {OFTEN + 9}" in body()
    assert f"Place {OFTEN - 1}" in body()  # what he knew
    assert {state for _, _, state in told()} == {"sent"}


def test_somebody_who_came_later_is_told_as_soon_as_ever(picnic, bob, move, with_address, going):
    for number in range(OFTEN):
        move(number)
    going(picnic, with_address("late"))
    SENT.clear()
    move(OFTEN)
    assert receivers() == ["late <late@example.org>"]


def test_nobody_hears_of_the_last_place_after_the_start(picnic, alice, bob, move, clock, soon):
    clock.ahead += soon - timedelta(hours=4) - clock.now()
    for number in range(OFTEN + 1):
        move(number)
    assert len(SENT) == OFTEN
    clock.pass_(hours=2)
    jobs.drain()
    assert f"Place {OFTEN}" in body()
    move(OFTEN + 1)  # within two hours of the start: at once
    assert f"Place {OFTEN + 1}" in body()


def test_another_day_begins_anew(picnic, bob, move, clock):
    for number in range(OFTEN):
        move(number)
    clock.pass_(hours=25)
    move(OFTEN)
    assert len([message for message in SENT if "New place" in message.subject]) == OFTEN + 1


def test_who_knows_a_sooner_start_hears_in_time(picnic, alice, bob, move, clock, soon):
    """The event begins in three hours by what he knows; hours would be too late, whatever the new day is."""
    clock.ahead += soon - timedelta(hours=3) - clock.now()
    for number in range(OFTEN):
        move(number)
    actions.change(picnic, by=alice, starts_at=soon + timedelta(days=7))
    clock.pass_(hours=1)
    jobs.drain()
    assert "New time" in SENT[-1].subject


def test_who_is_accepted_to_a_full_event_is_not_told_that_she_can_come(make_event, alice, with_address, going, deliver):
    event = make_event(capacity=1, approval=True)
    bob, eve = with_address("bob"), with_address("eve")
    for guest in (bob, eve):
        approval.accept(event, alice, going(event, guest).pk, "See you")
    deliver()
    assert {message.to[0].split()[0]: message.subject for message in SENT} == {
        "bob": "[Elonara] You can come: Picnic",
        "eve": "[Elonara] Your answer: Picnic",
    }
    text = next(message.body for message in SENT if message.to[0].startswith("eve"))
    assert "You are accepted, and on the waiting list of Picnic." in text
    assert "See you" in text


def test_who_waits_once_approval_ends_is_not_told_that_she_can_come(make_event, alice, with_address, going, deliver):
    event = make_event(capacity=1, approval=True)
    for name in ("bob", "eve"):
        going(event, with_address(name))
    actions.change(event, by=alice, approval=False)
    deliver()
    assert sorted(message.subject for message in SENT) == [
        "[Elonara] You can come: Picnic", "[Elonara] Your answer: Picnic",
    ]  # fmt: skip
