from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from elonara import jobs, trace


class Work:
    """Work as database rows would hold it: key → when it is due. A run removes its row."""

    def __init__(self):
        self.rows = {}
        self.done = []
        self.seen_trace = []

    def handler(self, key):
        self.seen_trace.append(trace.current())
        self.rows.pop(key, None)
        self.done.append(key)

    def sweep(self):
        return list(self.rows.items())


class Listener:
    """An engine that only records its wakes."""

    def __init__(self):
        self.wakes = []

    def wake(self, kind, key, at):
        self.wakes.append((kind, key, at))

    def stopping(self):
        return False


@pytest.fixture(autouse=True)
def only_ours(monkeypatch):
    monkeypatch.setattr(jobs, "_kinds", {})
    monkeypatch.setattr(jobs, "_engine", None)


@pytest.fixture
def work():
    work = Work()
    jobs.register("work", work.handler, work.sweep)
    return work


@pytest.fixture
def listener():
    listener = Listener()
    jobs.set_engine(listener)
    return listener


@pytest.mark.django_db(transaction=True)
class TestAWake:
    def test_outside_of_a_transaction_arrives_at_once(self, work, listener):
        jobs.wake("work", "a")
        assert listener.wakes == [("work", "a", None)]

    def test_inside_of_one_arrives_after_the_commit(self, work, listener):
        with transaction.atomic():
            jobs.wake("work", "a")
            assert listener.wakes == []
        assert listener.wakes == [("work", "a", None)]

    def test_of_a_transaction_that_failed_never_arrives(self, work, listener):
        with transaction.atomic():
            jobs.wake("work", "a")
            transaction.set_rollback(True)
        assert listener.wakes == []

    def test_without_an_engine_is_no_error(self, work):
        jobs.wake("work", "a")

    def test_of_an_unknown_kind_is_an_error_at_once(self):
        with pytest.raises(KeyError, match="no handler"):
            jobs.wake("nonsense", "a")


class TestDrain:
    def test_runs_what_is_due_and_leaves_what_is_not(self, work):
        now = timezone.now()
        work.rows = {"now": None, "past": now - timedelta(hours=1), "future": now + timedelta(hours=1)}
        assert jobs.drain() == 2
        assert sorted(work.done) == ["now", "past"]
        assert list(work.rows) == ["future"]

    def test_until_a_later_time_runs_what_is_due_by_then(self, work):
        work.rows = {"future": timezone.now() + timedelta(hours=1)}
        assert jobs.drain(until=timezone.now() + timedelta(hours=2)) == 1

    def test_goes_on_with_work_that_a_handler_has_added(self, work):
        def add_next(key):
            work.handler(key)
            if key < "c":
                work.rows[chr(ord(key) + 1)] = None

        jobs.register("work", add_next, work.sweep)
        work.rows = {"a": None}
        jobs.drain()
        assert work.done == ["a", "b", "c"]

    def test_of_work_that_never_ends_is_an_error_not_a_hang(self, work, monkeypatch):
        monkeypatch.setattr(jobs, "MAX_DRAIN_ROUNDS", 5)
        jobs.register("work", lambda key: None, lambda: [("a", None)])
        with pytest.raises(RuntimeError, match="still due"):
            jobs.drain()

    def test_names_the_job_for_its_log_lines(self, work):
        work.rows = {"did:plc:alice": None}
        jobs.drain()
        assert work.seen_trace == ["work:did:plc:alice"]
        assert trace.current() == "-"
