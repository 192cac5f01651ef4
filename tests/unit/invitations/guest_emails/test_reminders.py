"""Reminders a day and an hour before: of each start once, and of nothing that does not take place."""

from datetime import timedelta

import pytest
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara import jobs
from elonara.events import actions
from elonara.events.messages import reminders
from elonara.events.times import days_phrase
from elonara.invitations.guest_emails import stopping
from elonara.invitations.guest_emails.stopping import EmailSettings
from elonara.members.queries import open_notices


def subjects():
    return [message.subject.removeprefix("[Elonara] ") for message in SENT]


@pytest.fixture
def at(clock, picnic):
    """`at(hours=24)`: so long before the start of the picnic as it is now, with a minute more for the jobs."""

    def go(event=picnic, **before):
        event.refresh_from_db()
        clock.ahead += event.starts_at - timedelta(**before) - clock.now() + timedelta(seconds=10)
        jobs.drain()

    return go


def test_they_come_a_day_and_an_hour_before_each_once(picnic, bob, at):
    at(hours=25)
    assert SENT == []
    for hours in (24, 23, 20):
        at(hours=hours)
    assert subjects() == ["Tomorrow: Picnic"]
    for minutes in (60, 50, 1):
        at(minutes=minutes)
    at(hours=-1)
    assert subjects() == ["Tomorrow: Picnic", "In an hour: Picnic"]


@pytest.fixture
def fair(make_event, with_address, going, soon):
    """Two whole days, with somebody who comes."""
    event = make_event(title="Fair", starts_at=soon, ends_at=soon + timedelta(days=1), all_day=True)
    going(event, with_address("cleo"))
    return event


def test_whole_days_have_one_reminder_at_noon_of_the_day_before(fair, at):
    at(fair, hours=13)
    assert SENT == []
    for hours in (12, 6, 1, 0.5):
        at(fair, hours=hours)
    at(fair, hours=-1)
    assert subjects() == ["Tomorrow: Fair"]
    assert "Fair begins tomorrow." in SENT[0].body
    assert days_phrase(fair) in SENT[0].body
    assert "00:00" not in SENT[0].body


def test_a_fair_is_swept_for_its_one_reminder(fair, clock):
    clock.ahead += fair.starts_at - timedelta(hours=20) - clock.now()
    assert list(reminders.sweep()) == [(str(fair.pk), fair.starts_at - reminders.BEFORE_WHOLE_DAYS)]
    clock.ahead += timedelta(hours=9)
    jobs.drain()
    assert list(reminders.sweep()) == []


def test_the_sweep_names_the_moment(picnic, clock):
    assert list(reminders.sweep()) == []
    clock.ahead += picnic.starts_at - timedelta(hours=20) - clock.now()
    assert list(reminders.sweep()) == [(str(picnic.pk), picnic.starts_at - timedelta(hours=24))]
    jobs.drain()
    assert list(reminders.sweep()) == [(str(picnic.pk), picnic.starts_at - timedelta(hours=1))]


def test_only_who_may_come_is_reminded(make_event, with_address, going, at):
    event = make_event(capacity=1)
    for name, choice in (("coming", "going"), ("unsure", "maybe"), ("waits", "going"), ("stays", "cant")):
        going(event, with_address(name), choice)
    at(event, hours=24)
    assert sorted(message.to[0].split()[0] for message in SENT) == ["coming", "unsure"]


@pytest.mark.promise("told-once")
def test_an_event_that_is_moved_after_a_reminder_gets_new_ones(picnic, alice, bob, at, soon):
    at(hours=24)
    actions.change(picnic, by=alice, starts_at=soon + timedelta(days=3))
    at(hours=48)
    at(hours=24)
    at(hours=1)
    assert subjects() == ["Tomorrow: Picnic", "New time: Picnic", "Tomorrow: Picnic", "In an hour: Picnic"]


def test_one_that_is_moved_back_does_not_get_them_a_second_time(picnic, alice, bob, at, soon):
    at(hours=24)
    actions.change(picnic, by=alice, starts_at=soon + timedelta(days=3))
    actions.change(picnic, by=alice, starts_at=soon)
    at(hours=22)
    assert subjects() == ["Tomorrow: Picnic"]


def test_who_hears_of_the_new_start_needs_no_reminder_of_a_moment_that_has_passed(picnic, alice, bob, at, clock):
    at(days=5)
    actions.change(picnic, by=alice, starts_at=clock.now() + timedelta(hours=20))
    at(hours=19)
    assert subjects() == ["New time: Picnic"]
    at(hours=1)
    assert subjects() == ["New time: Picnic", "In an hour: Picnic"]


def test_who_answers_after_the_moment_is_not_reminded_of_it(picnic, with_address, going, at):
    at(hours=23)
    going(picnic, with_address("late"))
    at(hours=20)
    assert SENT == []


def test_a_cancelled_event_reminds_nobody(picnic, alice, bob, at):
    actions.cancel(picnic, alice)
    jobs.drain()
    SENT.clear()
    at(hours=24)
    at(hours=1)
    assert SENT == []


@pytest.mark.parametrize("happens", ["cancelled", "moved", "said no", "begun"])
def test_one_that_waits_for_the_mail_server_is_not_sent_any_more_when(picnic, alice, bob, going, at, soon, happens):
    FAULTS.append(ConnectionRefusedError())
    at(hours=24)
    if happens == "cancelled":
        actions.cancel(picnic, alice)
    elif happens == "moved":
        actions.change(picnic, by=alice, starts_at=soon + timedelta(days=9))
    elif happens == "said no":
        going(picnic, bob, "cant")
    at(**{"begun": {"hours": -1}, "moved": {"days": 7}}.get(happens, {"hours": 22}))
    assert "Tomorrow: Picnic" not in subjects()


def test_a_site_that_was_away_sends_none_too_late(picnic, bob, at):
    at(hours=2)
    assert SENT == []


@pytest.mark.promise("stop-emails")
@pytest.mark.parametrize("of_one_event", [True, False])
def test_a_member_turns_them_off(picnic, bob, at, of_one_event):
    chosen = EmailSettings(changes=True, reminders=False)
    stopping.change_settings(bob, chosen, picnic if of_one_event else None)
    at(hours=24)
    at(hours=1)
    assert SENT == []
    assert not open_notices(bob).filter(kind__startswith="soon").exists()


def test_those_of_another_event_are_others(picnic, make_event, bob, going, at):
    lunch = make_event(title="Lunch")
    going(lunch, bob)
    stopping.change_settings(bob, EmailSettings(reminders=False), lunch)
    at(hours=24)
    assert subjects() == ["Tomorrow: Picnic"]


def test_a_member_without_an_address_is_reminded_on_her_pages(picnic, make_member, going, at):
    carol = make_member("carol")
    going(picnic, carol)
    at(hours=24)
    [notice] = open_notices(carol).filter(kind__startswith="soon")
    assert notice.text.startswith("Picnic begins soon: ")
