"""A new time zone gives no second share: the sending account's day ends before the new zone holds."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from elonara.invitations.consent import accounts, caps, sending_days
from elonara.members import actions as members

EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # 14 hours ahead of UTC, 11 behind
ZONES = ["UTC", EAST, WEST, "Asia/Kolkata", "America/New_York"]


@pytest.fixture
def at(clock):
    """Let it be this hour of some day, in UTC."""

    def go(hour):
        now = clock.now()
        then = now.replace(hour=hour, minute=30, second=0, microsecond=0)
        clock.ahead += (then if then >= now else then + dt.timedelta(days=1)) - now

    return go


@pytest.fixture
def one_a_day(site, set_options):
    set_options(invitations={"spacing_seconds": 0, "per_day": 1, "first_week_per_day": 1, "per_week": 100})


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("hour", [1, 11, 23])
@pytest.mark.parametrize("zone", ZONES[1:])
@pytest.mark.promise("no-second-share")
def test_a_change_of_the_zone_gives_no_second_share(one_a_day, at, picnic, alice, send, deliver, agent, hour, zone):
    at(hour)
    send(picnic, "bob", thread=False)
    members.update_profile(alice, timezone=zone)
    assert caps.remaining(alice).today == 0
    sent = send(picnic, "carol", thread=False)
    assert (sent.today, len(sent.later)) == (0, 1)
    deliver()
    assert [what for what, _ in agent.calls].count("create") == 1


def test_nor_do_many_changes(one_a_day, at, picnic, alice, send):
    at(12)
    send(picnic, "bob", thread=False)
    for zone in [*ZONES, *reversed(ZONES)] * 2:
        members.update_profile(alice, timezone=zone)
        assert caps.remaining(alice).today == 0


@pytest.mark.parametrize("before", ZONES)
@pytest.mark.parametrize("after", ZONES)
@pytest.mark.parametrize("hour", [0, 9, 13, 23])
def test_days_go_on_one_by_one_and_the_new_zone_holds_in_the_end(at, alice, picnic, send, clock, before, after, hour):
    at(hour)
    members.update_profile(alice, timezone=before)
    send(picnic, "bob", thread=False)
    started = sending_days.today(alice)
    members.update_profile(alice, timezone=after)
    days = []
    for _ in range(24 * 4):
        days.append(sending_days.today_of(account := accounts.find(alice), alice))
        sending_days.settle(account, after)  # what is due, as every send does
        assert sending_days.today_of(account, alice) == days[-1]
        clock.pass_(hours=1)
    steps = {(later - earlier).days for earlier, later in pairwise(days)}
    assert days[0] == started
    assert steps <= {0, 1, 2}, "a day may be left out, and none comes back"
    assert days[-1] == (timezone.now() - dt.timedelta(hours=1)).astimezone(ZoneInfo(after)).date()


def test_a_later_day_starts_when_it_has_begun_for_the_caps(at, alice, picnic, send):
    at(12)
    members.update_profile(alice, timezone=WEST)
    send(picnic, "bob", thread=False)
    members.update_profile(alice, timezone=EAST)
    for ahead in range(1, 4):
        start = sending_days.start_of_day(alice, day := sending_days.today(alice) + dt.timedelta(days=ahead))
        assert sending_days.today(alice, start) >= day


def test_a_zone_that_is_chosen_before_the_first_send_holds_at_once(at, alice):
    at(12)
    members.update_profile(alice, timezone=EAST)
    assert sending_days.today(alice) == timezone.now().astimezone(ZoneInfo(EAST)).date()
