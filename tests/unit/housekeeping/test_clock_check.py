"""A clock that is set back is detected until it is right again."""

import pytest

from elonara.housekeeping.clock_check import ClockCheck


class Machine:
    def __init__(self):
        self.wall, self.monotonic = 1_800_000_000.0, 50.0
        self.clock = ClockCheck(lambda: self.wall, lambda: self.monotonic)

    def pass_(self, seconds):
        self.wall += seconds
        self.monotonic += seconds

    def set_clock(self, seconds):
        self.wall += seconds


@pytest.fixture
def machine():
    return Machine()


def test_a_clock_that_runs_normally_is_never_behind(machine):
    for seconds in (0, 1, 3600, 86_400):
        machine.pass_(seconds)
        assert machine.clock.behind() == 0


def test_an_hour_back_is_detected_however_long_ago_the_last_check_was(machine):
    machine.pass_(10_000)
    machine.set_clock(-3600)
    machine.pass_(100)
    assert machine.clock.behind() == 3600
    assert machine.clock.behind() == 3600


def test_correcting_the_clock_ends_it_at_once(machine):
    machine.set_clock(-3600)
    machine.clock.behind()
    machine.pass_(600)
    machine.set_clock(3600)
    assert machine.clock.behind() == 0


def test_it_ends_by_itself_when_the_latest_time_is_reached_again(machine):
    machine.set_clock(-3600)
    assert machine.clock.behind() == 3600
    machine.pass_(3000)
    assert machine.clock.behind() == 600
    machine.pass_(600)
    assert machine.clock.behind() == 0
    machine.pass_(86_400)
    assert machine.clock.behind() == 0


def test_two_steps_add_up(machine):
    machine.set_clock(-600)
    machine.clock.behind()
    machine.set_clock(-600)
    assert machine.clock.behind() == 1200


@pytest.mark.parametrize("seconds", [-59, -1, 1, 7200])
def test_small_corrections_and_steps_forward_are_ignored(machine, seconds):
    machine.set_clock(seconds)
    assert machine.clock.behind() == 0
