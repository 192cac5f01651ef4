"""Nothing is deleted until 30 days after the operators were told."""

from datetime import timedelta

import pytest
from tests.unit.invitations.email.mail import FAULTS, SENT, Server

from elonara.events.models import Rsvp
from elonara.housekeeping import guest_data
from elonara.housekeeping.models import GuestDataNotice
from elonara.members.models import Member
from elonara.members.queries import open_notices


@pytest.fixture
def day(clock, known):
    """`day(400)`: it is so many days after the event."""

    def go(number):
        clock.ahead = known.starts_at + timedelta(days=number, hours=4) - clock._now()
        SENT.clear()
        return guest_data.run()

    return go


@pytest.fixture
def letters(settings, known):
    """E-mails that are no invitations arrive, too."""
    settings.MAILERS = settings.MAILERS | {"default": {"BACKEND": f"{Server.__module__}.Server"}}


def told(member):
    return [notice.text for notice in open_notices(member).filter(kind="guest data")]


@pytest.mark.promise("guests-forgotten")
def test_an_upgrade_deletes_nothing_for_thirty_days(day, operator):
    assert day(900) == 0
    assert "400 days after its end" in told(operator)[0]
    assert "concerns 1 event." in told(operator)[0]
    assert day(929) == 0
    assert Rsvp.objects.count() == 4
    assert day(931) > 0
    assert not Rsvp.objects.exists()


def test_operators_are_told_by_e_mail_too_once(day, operator, letters, make_member):
    make_member("other", is_superuser=True)
    day(900)
    assert [message.to for message in SENT] == [["root@example.org"]]
    assert "events.guest_data_days" in SENT[0].body
    day(910)
    assert not SENT


def test_a_new_site_hears_of_it_thirty_days_before(day, operator):
    day(360)
    assert not told(operator)
    day(372)
    assert told(operator)
    assert day(401) == 0
    assert day(403) > 0


def test_where_nobody_was_told_nothing_is_deleted(day):
    day(900)
    assert day(940) == 0
    assert Rsvp.objects.count() == 4
    assert not GuestDataNotice.objects.exists()


def test_switched_off_it_deletes_nothing_and_tells_nobody(day, operator, set_options):
    set_options(events={"guest_data_days": 0})
    assert day(900) == day(2000) == 0
    assert not told(operator)
    assert Rsvp.objects.count() == 4


def test_switched_on_again_it_tells_anew(day, operator, set_options):
    day(900)
    set_options(events={"guest_data_days": 0})
    day(910)
    set_options(events={"guest_data_days": 400})
    assert day(940) == 0
    assert day(969) == 0
    assert day(971) > 0


def test_a_smaller_number_is_told_anew(day, operator, set_options):
    day(372)
    set_options(events={"guest_data_days": 4})  # meant was 400
    assert day(380) == 0
    assert "4 days" in told(operator)[0]
    assert day(409) == 0
    assert day(411) > 0


def test_a_larger_number_is_not(day, operator, set_options):
    day(900)
    set_options(events={"guest_data_days": 925})
    assert day(920) == 0
    assert GuestDataNotice.objects.get().days == 925
    assert day(931) > 0


def test_a_mail_server_that_is_away_stops_nothing(day, operator, letters):
    FAULTS.append(OSError("away"))
    day(900)
    assert told(operator)
    assert day(931) > 0
    assert Member.objects.filter(username="bob").exists()
