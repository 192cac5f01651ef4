"""Threads that are used again: what they keep between jobs, and when they end."""

import threading
from queue import Queue

import pytest
from django.db import connection, connections

from elonara.bluesky import background_threads


@pytest.fixture(autouse=True)
def none_left():
    background_threads.end(seconds=5)
    yield
    background_threads.end(seconds=5)
    assert not [thread for thread in threading.enumerate() if thread.name == "background"]


def done(job):
    """Run the job, and return what it returns once its thread is idle."""
    results = Queue()
    background_threads.run(lambda: results.put(job()))
    result = results.get(timeout=5)
    until(lambda: len(background_threads._idle) == len(background_threads._threads))
    return result


def until(condition):
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within five seconds")


@pytest.mark.django_db(transaction=True)
def test_the_next_job_has_the_same_thread_and_what_is_kept_with_its_connection():
    def job():
        connection.ensure_connection()
        kept = vars(connections["default"])  # where compiled queries are
        return threading.get_ident(), kept.setdefault("counted", 0), kept.update(counted=kept["counted"] + 1)

    first, second = done(job), done(job)
    assert first[0] == second[0]
    assert (first[1], second[1]) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_connection_left_in_a_transaction_is_not_kept():
    def left():
        connection.ensure_connection()
        connection.set_autocommit(False)
        return id(connection.connection), connection.connection

    used, _kept_so_that_its_id_stays_taken = done(left)

    def next_one():
        connection.ensure_connection()
        return id(connection.connection) == used, connection.get_autocommit()

    assert done(next_one) == (False, True)


def test_jobs_at_the_same_time_have_threads_of_their_own():
    both = threading.Barrier(2, timeout=5)
    results = Queue()
    for _ in range(2):
        background_threads.run(lambda: results.put((both.wait(), threading.get_ident())))
    assert results.get(timeout=5)[1] != results.get(timeout=5)[1]


def test_an_idle_thread_ends_by_itself(monkeypatch):
    monkeypatch.setattr(background_threads, "IDLE_SECONDS", 0.05)
    background_threads.run(lambda: None)
    until(lambda: not background_threads._threads)


def test_a_job_given_at_the_last_moment_is_done(monkeypatch):
    monkeypatch.setattr(background_threads, "IDLE_SECONDS", 0.0005)
    ran = Queue()
    for number in range(300):
        background_threads.run(lambda number=number: ran.put(number))
    assert sorted(ran.get(timeout=5) for _ in range(300)) == list(range(300))


def test_a_busy_thread_ends_after_its_job():
    go_on, ran = threading.Event(), []
    background_threads.run(lambda: (go_on.wait(5), ran.append(True)))
    ending = threading.Thread(target=background_threads.end, args=(5,))
    ending.start()
    go_on.set()
    ending.join(5)
    assert ran
    assert not background_threads._threads
    assert not background_threads._idle
