"""The clock that workers share: the database's, as far as it was measured."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara import shared_clock

SOON = timedelta(seconds=2)


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch):
    monkeypatch.setattr(shared_clock, "_ahead", 0.0)


def test_without_a_measurement_it_is_this_machine_s_clock():
    assert abs(shared_clock.now() - timezone.now()) < SOON


@pytest.mark.parametrize("ahead", [-600.0, -10.0, 10.0, 600.0])
def test_what_was_measured_is_taken_off(monkeypatch, ahead):
    monkeypatch.setattr(shared_clock, "ahead_of_database", lambda: ahead)
    assert shared_clock.measure() == ahead
    assert abs(timezone.now() - shared_clock.now() - timedelta(seconds=ahead)) < SOON


def test_a_step_of_this_machine_s_clock_moves_nothing(monkeypatch):
    monkeypatch.setattr(shared_clock, "ahead_of_database", lambda: 600.0)
    shared_clock.measure()
    before, wall, offset = shared_clock.now(), timezone.now, shared_clock._wall_less_monotonic
    # Set back by ten minutes: what the wall clock shows, and what it is less the monotonic clock.
    monkeypatch.setattr(timezone, "now", lambda: wall() - timedelta(seconds=600))
    monkeypatch.setattr(shared_clock, "_wall_less_monotonic", offset + 600)
    assert abs(shared_clock.now() - before) < SOON


@pytest.mark.django_db
def test_the_database_on_this_machine_has_its_clock():
    assert abs(shared_clock.ahead_of_database()) < 1
