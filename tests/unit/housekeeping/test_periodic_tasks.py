"""Periodic tasks run when they are due, in one process at a time; a failing one is retried and reported."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from elonara import locks
from elonara.housekeeping import periodic_tasks
from elonara.housekeeping.models import PeriodicTask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def done(monkeypatch):
    done = []
    task = periodic_tasks.TaskDefinition(lambda: done.append(1) or len(done), timedelta(hours=1))
    monkeypatch.setattr(periodic_tasks, "TASKS", {"count": task})
    return done


def test_a_new_task_is_due_at_once_and_then_after_its_interval(done):
    assert list(periodic_tasks.sweep()) == [("count", None)]
    next_run = periodic_tasks.poll("count")
    assert len(done) == 1
    assert timedelta(minutes=50) < next_run - timezone.now() < timedelta(minutes=70)
    assert list(periodic_tasks.sweep()) == [("count", next_run)]
    periodic_tasks.poll("count")
    assert len(done) == 1
    PeriodicTask.objects.update(due_at=timezone.now())
    periodic_tasks.poll("count")
    assert len(done) == 2


def test_of_ten_simultaneous_runs_only_one_happens(done):
    start = threading.Barrier(10)

    def poll():
        start.wait()
        try:
            periodic_tasks.poll("count")
        finally:
            connection.close()

    threads = [threading.Thread(target=poll) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(done) == 1


def test_a_failure_is_stored_for_the_operator_and_retried_soon(monkeypatch):
    def fail():
        raise RuntimeError("no disk")

    monkeypatch.setattr(periodic_tasks, "TASKS", {"count": periodic_tasks.TaskDefinition(fail, timedelta(days=1))})
    next_run = periodic_tasks.poll("count")
    assert next_run - timezone.now() < timedelta(minutes=11)
    assert PeriodicTask.objects.get().error == "RuntimeError: no disk"


def test_a_task_of_another_version_is_left_alone(done):
    assert periodic_tasks.poll("polish the silver") is None


def test_a_killed_process_is_known_by_the_name_of_its_lease(monkeypatch):
    """After `kill -9` another process on this machine takes its tasks up at once, not when the lease ends."""
    seen = []
    task = periodic_tasks.TaskDefinition(
        lambda: seen.append(PeriodicTask.objects.get().lease_owner) or 0, timedelta(hours=1)
    )
    monkeypatch.setattr(periodic_tasks, "TASKS", {"clear away": task})
    periodic_tasks.poll("clear away")
    assert seen == [locks.this_thread()]
