"""Errands come back in time, are done by one process, and a failing one harms no other."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from elonara.housekeeping import periodic_tasks
from elonara.housekeeping.models import PeriodicTask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def done(monkeypatch):
    done = []
    plan = periodic_tasks.TaskDefinition(lambda: done.append(1) or len(done), timedelta(hours=1))
    monkeypatch.setattr(periodic_tasks, "TASKS", {"count": plan})
    return done


def test_a_new_errand_is_due_at_once_and_then_when_its_time_has_come(done):
    assert list(periodic_tasks.sweep()) == [("count", None)]
    again = periodic_tasks.poll("count")
    assert len(done) == 1
    assert timedelta(minutes=50) < again - timezone.now() < timedelta(minutes=70)
    assert list(periodic_tasks.sweep()) == [("count", again)]
    periodic_tasks.poll("count")
    assert len(done) == 1
    PeriodicTask.objects.update(due_at=timezone.now())
    periodic_tasks.poll("count")
    assert len(done) == 2


def test_ten_processes_at_once_do_it_once(done):
    start = threading.Barrier(10)

    def look():
        start.wait()
        try:
            periodic_tasks.poll("count")
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(done) == 1


def test_a_failure_is_noted_for_the_operator_and_tried_again_soon(monkeypatch):
    def fail():
        raise RuntimeError("no disk")

    monkeypatch.setattr(periodic_tasks, "TASKS", {"count": periodic_tasks.TaskDefinition(fail, timedelta(days=1))})
    again = periodic_tasks.poll("count")
    assert again - timezone.now() < timedelta(minutes=11)
    assert PeriodicTask.objects.get().error == "RuntimeError: no disk"


def test_an_errand_of_another_version_is_left_alone(done):
    assert periodic_tasks.poll("polish the silver") is None
