"""The PostgreSQL engine on a real PostgreSQL: queued jobs may be lost, doubled or abandoned, work never is."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from tests.unit.engines.test_embedded import Work, eventually

from elonara import jobs

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def work(monkeypatch):
    monkeypatch.setattr(jobs, "_kinds", {})
    work = Work()
    jobs.register("work", work.handler, work.sweep)
    return work


@pytest.fixture
def tables():
    """Django's own flush leaves Procrastinate's tables as they are."""
    names = "procrastinate_jobs, procrastinate_workers, procrastinate_events, procrastinate_periodic_defers"

    def empty():
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {names} CASCADE")

    empty()
    yield
    empty()


@pytest.fixture
def engines(work, tables):
    from elonara.engines.procrastinate import ProcrastinateEngine

    made = []

    def make(**options):
        made.append(ProcrastinateEngine(**{"threads": 3, "sweep_seconds": 30, **options}))
        return made[-1]

    yield make
    work.hold.set()
    for engine in made:
        engine.stop(5)


@pytest.fixture
def sender(tables):
    from elonara.engines.enqueue import Sender

    return Sender()


def rows(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def open_jobs():
    return rows("SELECT queueing_lock, scheduled_at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")


def test_work_without_a_wake_is_found_at_the_start(engines, work):
    work.rows = [("left-over", None)]
    engines().start()
    assert eventually(lambda: work.keys == ["left-over"])


def test_a_web_server_wakes_a_worker_at_once_after_the_commit(engines, work, sender):
    engines().start()
    assert eventually(lambda: rows("SELECT count(*) FROM procrastinate_workers") == [(1,)])
    jobs.set_engine(sender)
    with transaction.atomic():
        jobs.wake("work", "a")
        assert open_jobs() == []
    assert eventually(lambda: work.keys == ["a"], 3)
    assert eventually(lambda: rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)])


def test_wakes_of_one_key_are_one_queued_job_and_the_earliest_time_counts(sender):
    soon, later = timezone.now() + timedelta(minutes=1), timezone.now() + timedelta(hours=1)
    sender.wake("work", "a", later)
    sender.wake("work", "a", soon)
    sender.wake("work", "a", later)
    assert open_jobs() == [("work:a", soon)]
    sender.wake("work", "a")
    sender.wake("work", "a", soon)
    assert open_jobs() == [("work:a", None)]


def test_many_wakes_at_once_make_one_queued_job(sender):
    def wake():
        try:
            sender.wake("work", "a")
        finally:
            connection.close()

    threads = [threading.Thread(target=wake) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert open_jobs() == [("work:a", None)]


def test_a_key_never_runs_twice_at_once_on_two_workers_and_a_wake_meanwhile_counts(engines, work):
    work.hold.clear()
    first, second = engines(), engines()
    first.start()
    second.start()
    first.wake("work", "a")
    assert eventually(lambda: work.keys == ["a"])
    for _ in range(5):
        second.wake("work", "a")
    work.hold.set()
    assert eventually(lambda: work.keys == ["a", "a"])
    assert work.most_at_once == {"a": 1}


def test_a_handler_is_called_again_when_it_asked_for_it(engines, work):
    work.again = {"a": timezone.now() + timedelta(seconds=0.3)}
    engine = engines()
    engine.start()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a", "a"], 5)
    assert work.runs[1][1] - work.runs[0][1] > 0.25


def test_a_failing_handler_is_retried_after_a_longer_wait_each_time(engines, work, monkeypatch):
    from elonara.engines import procrastinate

    monkeypatch.setattr(procrastinate, "FIRST_RETRY_SECONDS", 0.2)
    work.fail = 2
    engine = engines()
    engine.start()
    engine.wake("work", "a")
    assert eventually(lambda: work.keys == ["a"] * 3, 8)
    first, second, third = (moment for _, moment in work.runs)
    assert second - first > 0.15
    assert third - second > 0.35


def test_a_job_that_a_killed_worker_was_running_runs_again(engines, work, sender):
    """What a kill -9 leaves in the tables: a job in state "doing" of a worker whose last heartbeat is old."""
    sender.wake("work", "a")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )
    sender.wake("work", "a")
    engines(stalled_seconds=1.5).start()
    assert eventually(lambda: len(work.keys) >= 1, 8)
    assert eventually(lambda: rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)], 8)


def test_the_sweep_brings_a_queued_job_forward_and_queues_nothing_for_the_far_future(engines, work):
    engine = engines(sweep_seconds=10)
    engine.wake("work", "late", timezone.now() + timedelta(hours=1))
    work.rows = [("late", None), ("next-week", timezone.now() + timedelta(days=7)), ("fresh", None)]
    engine.sweep()
    engine.sweep()
    assert open_jobs() == [("work:late", None), ("work:fresh", None)]


def test_a_worker_whose_connections_are_cut_is_started_again(engines, work, monkeypatch):
    from elonara.engines import procrastinate

    monkeypatch.setattr(procrastinate, "RESTART_DELAYS_SECONDS", (0.1,))
    monkeypatch.setattr(procrastinate, "HEARTBEAT_SECONDS", 0.3)
    engine = engines()
    engine.start()
    engine.wake("work", "before")
    assert eventually(lambda: work.keys == ["before"])
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    assert eventually(lambda: (engine.wake("work", "after"), "after" in work.keys)[1], 15)
    engine.stop(5)
    # The next test gets a new pool: this one may still be busy replacing what was cut off.
    connection.close()
    connection.close_pool()


def test_a_wake_while_the_database_is_unreachable_does_not_fail_the_request(sender, caplog, monkeypatch):
    from procrastinate import exceptions

    def unreachable(**_):
        raise exceptions.ConnectorException("the server closed the connection")

    monkeypatch.setattr(sender._app.job_manager, "list_jobs", unreachable)
    sender.wake("work", "a")
    assert "the next sweep will" in caplog.text


def test_stop_finishes_what_runs_and_begins_nothing_more(engines, work):
    work.hold.clear()
    engine = engines(threads=1)
    engine.start()
    engine.wake("work", "running")
    assert eventually(lambda: work.keys == ["running"])
    engine.wake("work", "late")
    threading.Timer(0.3, work.hold.set).start()
    assert engine.stop(5)
    assert work.keys == ["running"]
    assert rows("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_a_worker_that_is_stopped_while_it_starts_ends(engines):
    class Starting:
        """Like Procrastinate's worker, it forgets a stop() that comes before it runs."""

        name, stops = "starting", 0

        def stop(self):
            self.stops += 1

        def join(self, seconds):
            pass

        def is_alive(self):
            return self.stops < 2

    engine = engines()
    engine._worker = Starting()
    engine._engine_threads = [engine._worker]
    assert engine.stop(5)


def test_stop_is_not_prolonged_by_a_clock_that_is_set_back(engines, clock):
    class Slow:
        """A thread that does not end, while the clock is set back by an hour."""

        name, waited = "slow", []

        def join(self, seconds):
            self.waited.append(seconds)
            clock.pass_(hours=-1)

        def is_alive(self):
            return False

    engine = engines()
    engine._engine_threads = [Slow(), Slow()]
    assert engine.stop(5)
    assert all(seconds <= 5 for seconds in Slow.waited)
    engine._engine_threads = []


def test_a_process_that_may_take_no_work_leaves_it_to_others_until_the_heartbeat_allows_it(engines, work):
    allowed = threading.Event()
    allowed.set()
    held = engines(sweep_seconds=0.1, beat=allowed.is_set)
    held.start()
    assert eventually(lambda: held._worker is not None)
    allowed.clear()
    assert eventually(lambda: held._worker is None)
    work.rows = [("waits", None)]
    time.sleep(0.5)
    assert work.keys == []
    engines().start()
    assert eventually(lambda: work.keys == ["waits"])
    work.rows = []
    allowed.set()
    assert eventually(lambda: held._worker is not None)
