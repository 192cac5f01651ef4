from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from elonara import jobs, trace


class Errands:
    """Work as rows would hold it: key → when it is due. Doing it once is enough."""

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
    """An engine that only writes down what it is told."""

    def __init__(self):
        self.told = []

    def wake(self, kind, key, at):
        self.told.append((kind, key, at))

    def stopping(self):
        return False


@pytest.fixture(autouse=True)
def only_ours(monkeypatch):
    monkeypatch.setattr(jobs, "_kinds", {})
    monkeypatch.setattr(jobs, "_engine", None)


@pytest.fixture
def errands():
    errands = Errands()
    jobs.register("errand", errands.handler, errands.sweep)
    return errands


@pytest.fixture
def listener():
    listener = Listener()
    jobs.set_engine(listener)
    return listener


@pytest.mark.django_db(transaction=True)
class TestAWake:
    def test_outside_of_a_transaction_arrives_at_once(self, errands, listener):
        jobs.wake("errand", "a")
        assert listener.told == [("errand", "a", None)]

    def test_inside_of_one_arrives_after_the_commit(self, errands, listener):
        with transaction.atomic():
            jobs.wake("errand", "a")
            assert listener.told == []
        assert listener.told == [("errand", "a", None)]

    def test_of_a_transaction_that_failed_never_arrives(self, errands, listener):
        with transaction.atomic():
            jobs.wake("errand", "a")
            transaction.set_rollback(True)
        assert listener.told == []

    def test_without_an_engine_is_no_error(self, errands):
        jobs.wake("errand", "a")

    def test_of_an_unknown_kind_is_an_error_at_once(self):
        with pytest.raises(KeyError, match="no handler"):
            jobs.wake("nonsense", "a")


class TestDrain:
    def test_runs_what_is_due_and_leaves_what_is_not(self, errands):
        now = timezone.now()
        errands.rows = {"now": None, "past": now - timedelta(hours=1), "future": now + timedelta(hours=1)}
        assert jobs.drain() == 2
        assert sorted(errands.done) == ["now", "past"]
        assert list(errands.rows) == ["future"]

    def test_until_a_later_time_runs_what_is_due_by_then(self, errands):
        errands.rows = {"future": timezone.now() + timedelta(hours=1)}
        assert jobs.drain(until=timezone.now() + timedelta(hours=2)) == 1

    def test_goes_on_with_work_that_the_work_has_made(self, errands):
        def breed(key):
            errands.handler(key)
            if key < "c":
                errands.rows[chr(ord(key) + 1)] = None

        jobs.register("errand", breed, errands.sweep)
        errands.rows = {"a": None}
        jobs.drain()
        assert errands.done == ["a", "b", "c"]

    def test_of_work_that_never_ends_is_an_error_not_a_hang(self, errands, monkeypatch):
        monkeypatch.setattr(jobs, "MAX_DRAIN_ROUNDS", 5)
        jobs.register("errand", lambda key: None, lambda: [("a", None)])
        with pytest.raises(RuntimeError, match="still due"):
            jobs.drain()

    def test_names_the_job_for_its_log_lines(self, errands):
        errands.rows = {"did:plc:alice": None}
        jobs.drain()
        assert errands.seen_trace == ["errand:did:plc:alice"]
        assert trace.current() == "-"
