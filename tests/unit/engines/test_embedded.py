import threading
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from elonara import jobs
from elonara.engines.embedded import EmbeddedEngine


def eventually(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False


class Work:
    """A job kind whose handler can be made to wait, to fail, or to ask for another run."""

    def __init__(self):
        self.runs = []
        self.at_once = {}
        self.most_at_once = {}
        self.rows = []
        self.hold = threading.Event()
        self.hold.set()
        self.fail = 0
        self.again = {}
        self._lock = threading.Lock()

    def handler(self, key):
        with self._lock:
            self.runs.append((key, time.monotonic()))
            self.at_once[key] = self.at_once.get(key, 0) + 1
            self.most_at_once[key] = max(self.most_at_once.get(key, 0), self.at_once[key])
            failing, self.fail = self.fail > 0, max(0, self.fail - 1)
        self.hold.wait(5)
        with self._lock:
            self.at_once[key] -= 1
        if failing:
            raise RuntimeError("the handler failed")
        return self.again.pop(key, None)

    def sweep(self):
        return list(self.rows)

    @property
    def keys(self):
        return [key for key, _ in self.runs]


@pytest.fixture
def work(monkeypatch):
    monkeypatch.setattr(jobs, "_kinds", {})
    work = Work()
    jobs.register("work", work.handler, work.sweep)
    return work


@pytest.fixture
def engine(work):
    engine = EmbeddedEngine(threads=3, sweep_seconds=30)
    yield engine
    work.hold.set()
    engine.stop(5)


def test_work_that_a_crash_interrupted_is_found_at_the_start(engine, work):
    work.rows = [("left-over", None)]
    engine.start()
    assert eventually(lambda: work.keys == ["left-over"])


def test_a_wake_runs_at_once(engine, work):
    engine.start()
    before = time.monotonic()
    jobs._wake_engine("work", "a", None)
    assert eventually(lambda: work.keys == ["a"])
    assert work.runs[0][1] - before < 0.5


def test_a_wake_for_later_runs_then_and_not_before(engine, work):
    engine.start()
    before = time.monotonic()
    engine.wake("work", "a", timezone.now() + timedelta(seconds=0.4))
    assert eventually(lambda: work.keys == ["a"])
    assert 0.3 < work.runs[0][1] - before < 1.5


def test_an_earlier_wake_overtakes_a_later_one_and_both_are_one_run(engine, work):
    engine.start()
    engine.wake("work", "a", timezone.now() + timedelta(seconds=60))
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a"])


def test_a_key_never_runs_twice_at_once_and_a_wake_during_its_run_counts(engine, work):
    work.hold.clear()
    engine.start()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a"])
    for _ in range(10):
        engine.wake("work", "a")
    time.sleep(0.1)
    assert work.keys == ["a"]
    work.hold.set()
    assert eventually(lambda: work.keys == ["a", "a"])
    assert work.most_at_once == {"a": 1}


def test_different_keys_run_side_by_side(engine, work):
    work.hold.clear()
    engine.start()
    for key in "abc":
        engine.wake("work", key)
    assert eventually(lambda: sorted(work.keys) == ["a", "b", "c"])


def test_a_wake_for_later_is_on_time_while_all_but_one_thread_are_busy(engine, work):
    work.hold.clear()
    engine.start()
    engine.wake("work", "long")
    engine.wake("work", "soon", timezone.now() + timedelta(seconds=0.2))
    assert eventually(lambda: work.keys == ["long", "soon"], seconds=2)


def test_a_handler_that_returns_a_time_runs_again_then(engine, work):
    work.again["a"] = timezone.now() + timedelta(seconds=0.3)
    engine.start()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a", "a"])
    assert work.runs[1][1] - work.runs[0][1] > 0.2


def test_a_failing_handler_is_retried_and_other_keys_go_on(engine, work, monkeypatch, caplog):
    monkeypatch.setattr("elonara.engines.embedded.FIRST_RETRY_SECONDS", 0.05)
    work.fail = 1
    engine.start()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a", "a"])
    engine.wake("work", "b")
    assert eventually(lambda: work.keys[-1] == "b")
    assert "work:a failed for the 1. time" in caplog.text


def test_a_failing_sweep_is_logged_and_the_next_one_works(work, caplog):
    engine = EmbeddedEngine(threads=1, sweep_seconds=0.05)
    broken = iter([True])

    def sweep():
        if next(broken, False):
            raise RuntimeError("the database is unreachable")
        return [("a", None)] if not work.keys else []

    jobs.register("work", work.handler, sweep)
    engine.start()
    try:
        assert eventually(lambda: work.keys == ["a"])
        assert "the sweep of work failed" in caplog.text
    finally:
        assert engine.stop(5)


def test_stop_waits_for_what_runs_and_begins_nothing_more(engine, work):
    work.hold.clear()
    engine.start()
    engine.wake("work", "running")
    assert eventually(lambda: work.keys == ["running"])
    threading.Timer(0.2, work.hold.set).start()
    assert engine.stop(5)
    engine.wake("work", "late")
    time.sleep(0.1)
    assert work.keys == ["running"]


def test_stop_reports_a_handler_that_does_not_end(engine, work, caplog):
    work.hold.clear()
    engine.start()
    engine.wake("work", "stuck")
    assert eventually(lambda: work.keys == ["stuck"])
    assert not engine.stop(0.1)
    assert "still running" in caplog.text


def test_handlers_can_ask_whether_the_process_is_stopping(engine, work):
    engine.start()
    assert not jobs.stopping()
    work.hold.clear()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a"])
    thread = threading.Thread(target=engine.stop)
    thread.start()
    assert eventually(jobs.stopping)
    work.hold.set()
    thread.join(5)


def test_a_thousand_wakes_of_many_keys_lose_none(engine, work):
    engine.start()
    for number in range(1000):
        engine.wake("work", f"key-{number}")
    assert eventually(lambda: len(set(work.keys)) == 1000)


def test_a_process_that_may_take_no_work_leaves_it_until_the_heartbeat_allows_it(work):
    allowed = threading.Event()
    engine = EmbeddedEngine(threads=2, sweep_seconds=0.05, beat=allowed.is_set)
    work.rows = [("waits", None)]
    engine.start()
    try:
        assert eventually(lambda: engine._held)
        engine.wake("work", "woken")
        time.sleep(0.2)
        assert work.keys == []
        allowed.set()
        assert eventually(lambda: {"waits", "woken"} <= set(work.keys))
    finally:
        engine.stop(5)


def test_a_heartbeat_that_fails_changes_nothing(work):
    def beat():
        raise DatabaseError("it is away")

    engine = EmbeddedEngine(threads=2, sweep_seconds=0.05, beat=beat)
    work.rows = [("goes", None)]
    engine.start()
    try:
        assert eventually(lambda: "goes" in work.keys)
    finally:
        engine.stop(5)
