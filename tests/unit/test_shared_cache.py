"""Counters are exact, expire in time, and on PostgreSQL are shared by threads, processes and machines."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.core.internal import ratelimit
from django.core.cache import cache, caches
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from elonara import shared_cache
from elonara.housekeeping.models import CacheEntry

pytestmark = pytest.mark.django_db(transaction=True)

PROCESS = """
import os, sys
os.environ["ELONARA_TEST_DATABASE_URL"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from django.conf import settings
settings.SECRET_KEY = sys.argv[3]  # processes of one site read the same one from their data folder
from elonara import shared_cache
print("ready", flush=True)
sys.stdin.readline()
print(*[shared_cache.count("together", 600) for _ in range(int(sys.argv[2]))])
"""


@pytest.fixture(autouse=True)
def empty():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def expire_all():
    """`expire_all()` makes every entry one that has expired."""

    def expire():
        if connection.vendor == "postgresql":
            CacheEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        else:
            in_memory = caches["default"]
            in_memory._expire_info.update(dict.fromkeys(in_memory._expire_info, 1.0))

    return expire


def test_a_counter_starts_again_when_its_window_is_over(expire_all):
    assert [shared_cache.count("visits", 600) for _ in range(3)] == [1, 2, 3]
    assert shared_cache.count("other", 600) == 1
    expire_all()
    assert [shared_cache.count("visits", 600) for _ in range(2)] == [1, 2]


def test_it_behaves_as_django_and_allauth_expect_of_a_cache(expire_all):
    assert cache.get("k", "none") == "none"
    cache.set("k", [1.5, 2.5], 60)
    assert cache.get("k") == [1.5, 2.5]
    assert not cache.add("k", True, 60)
    assert "k" in cache
    assert cache.touch("k", 60)
    assert cache.delete("k")
    assert not cache.delete("k")
    assert cache.add("k", 1, 60)
    assert cache.incr("k", 4) == 5
    assert cache.decr("k") == 4
    expire_all()
    assert cache.get("k") is None
    assert not cache.touch("k", 60)
    with pytest.raises(ValueError, match="k"):
        cache.incr("k")
    assert cache.add("k", True, 60)
    cache.set("for-long", 1, None)
    cache.set("over", 1, 0)
    assert cache.get("for-long") == 1
    assert cache.get("over") is None
    cache.clear()
    assert cache.get("for-long") is None


def test_threads_that_count_at_the_same_time_never_get_the_same_number():
    together = threading.Barrier(4)

    def many(_):
        together.wait(10)
        try:
            return [shared_cache.count("visits", 600) for _ in range(25)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = [number for numbers in pool.map(many, range(4)) for number in numbers]
    assert sorted(found) == list(range(1, 101))


@pytest.mark.postgres_only
class TestTheTable:
    @pytest.fixture
    def unreachable(self, monkeypatch):
        """Statements on the table fail; a list of those that were tried."""
        tried = []

        def refused(execute, statement, *rest):
            if "elonara_cacheentry" in statement:
                tried.append(statement)
                raise OperationalError("the server went away")
            return execute(statement, *rest)

        monkeypatch.setattr(shared_cache.log, "warning", lambda *args: None)
        with connection.execute_wrapper(refused):
            yield tried
        caches["default"]._use_local_until = 0.0

    def test_processes_share_a_counter(self, settings):
        place = connection.settings_dict
        url = f"postgresql://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
        command = [sys.executable, "-c", PROCESS, url, "40", settings.SECRET_KEY]
        running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [int(number) for process in running for number in process.communicate(timeout=30)[0].split()]
        assert sorted(found) == list(range(1, 81))
        assert shared_cache.count("together", 600) == 81

    def test_of_simultaneous_adds_of_one_key_exactly_one_succeeds(self):
        """allauth's lock around a counter, and its check that a one-time code is used once, rely on this."""
        together = threading.Barrier(4)

        def add(_):
            together.wait(10)
            try:
                return [cache.add(f"lock-{number}", True, 60) for number in range(20)]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            added = list(pool.map(add, range(4)))
        assert [sum(each) for each in zip(*added, strict=True)] == [1] * 20

    def test_allauths_rate_limits_are_counted_in_the_table(self, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.7")
        tries = [ratelimit.consume(request, app="a", action="x", config={"x": "2/m"}) is not None for _ in range(3)]
        assert tries == [True, True, False]
        caches["default"]._local.clear()  # what only this process knows
        assert ratelimit.consume(request, app="a", action="x", config={"x": "2/m"}) is None

    def test_keys_do_not_contain_addresses(self):
        shared_cache.count("address:203.0.113.7", 600)
        assert "203.0.113.7" not in CacheEntry.objects.get().key

    def test_expired_entries_are_deleted(self):
        for key in ("old", "older", "good"):
            shared_cache.count(key, 600)
        ended = CacheEntry.objects.exclude(pk=caches["default"]._hashed("good"))
        ended.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert shared_cache.forget_expired() == 2
        assert shared_cache.count("good", 600) == 2

    def test_while_unreachable_a_process_counts_on_its_own_and_retries_soon(self, unreachable):
        assert [shared_cache.count("visits", 600) for _ in range(3)] == [1, 2, 3]
        assert len(unreachable) == 1, "a thread does not wait for the database again and again"
        cache.set("k", True, 60)
        assert not cache.add("k", False, 60)
        assert (cache.get("k"), cache.incr("visits"), cache.touch("k", 60), cache.delete("k")) == (True, 4, True, True)
        caches["default"]._use_local_until = 0.0
        assert shared_cache.count("visits", 600) == 5
        assert len(unreachable) == 2

    def test_an_error_leaves_the_callers_transaction_usable(self, unreachable):
        with transaction.atomic():
            assert shared_cache.count("visits", 600) == 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                assert cursor.fetchone() == (1,)
