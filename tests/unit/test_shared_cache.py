"""Counts are exact, end in time, and on PostgreSQL are shared by threads, processes and machines."""

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
settings.SECRET_KEY = sys.argv[3]  # of the data folder that processes share
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
def let_end():
    """The time of every entry is over."""

    def end():
        if connection.vendor == "postgresql":
            CacheEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        else:
            in_memory = caches["default"]
            in_memory._expire_info.update(dict.fromkeys(in_memory._expire_info, 1.0))

    return end


def test_a_count_begins_anew_when_its_time_is_over(let_end):
    assert [shared_cache.count("visits", 600) for _ in range(3)] == [1, 2, 3]
    assert shared_cache.count("other", 600) == 1
    let_end()
    assert [shared_cache.count("visits", 600) for _ in range(2)] == [1, 2]


def test_it_is_a_cache_as_django_and_allauth_expect_one(let_end):
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
    let_end()
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


def test_threads_that_count_at_once_never_get_the_same_number():
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
    def away(self, monkeypatch):
        """The table cannot be reached; a list of the statements that were tried."""
        tried = []

        def refused(execute, statement, *rest):
            if "elonara_cacheentry" in statement:
                tried.append(statement)
                raise OperationalError("the server went away")
            return execute(statement, *rest)

        monkeypatch.setattr(shared_cache.log, "warning", lambda *words: None)
        with connection.execute_wrapper(refused):
            yield tried
        caches["default"]._away_until = 0.0

    def test_processes_share_a_count(self, settings):
        place = connection.settings_dict
        url = f"postgresql://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
        words = [sys.executable, "-c", PROCESS, url, "40", settings.SECRET_KEY]
        running = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [int(number) for process in running for number in process.communicate(timeout=30)[0].split()]
        assert sorted(found) == list(range(1, 81))
        assert shared_cache.count("together", 600) == 81

    def test_of_two_who_add_the_same_at_once_one_does(self):
        """So that allauth's lock around a count, and a used code of a second factor, hold for all processes."""
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

    def test_the_sign_in_s_limits_are_counted_in_it(self, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.7")
        tries = [ratelimit.consume(request, app="a", action="x", config={"x": "2/m"}) is not None for _ in range(3)]
        assert tries == [True, True, False]
        caches["default"]._own.clear()  # what this process alone knows
        assert ratelimit.consume(request, app="a", action="x", config={"x": "2/m"}) is None

    def test_keys_name_nobody(self):
        shared_cache.count("address:203.0.113.7", 600)
        assert "203.0.113.7" not in CacheEntry.objects.get().key

    def test_what_has_ended_is_cleared_away(self):
        for key in ("old", "older", "good"):
            shared_cache.count(key, 600)
        ended = CacheEntry.objects.exclude(pk=caches["default"]._hashed("good"))
        ended.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert shared_cache.forget_expired() == 2
        assert shared_cache.count("good", 600) == 2

    def test_while_it_is_away_a_process_counts_by_itself_and_soon_tries_again(self, away, monkeypatch):
        assert [shared_cache.count("visits", 600) for _ in range(3)] == [1, 2, 3]
        assert len(away) == 1, "a thread does not wait for it again and again"
        cache.set("k", True, 60)
        assert not cache.add("k", False, 60)
        assert (cache.get("k"), cache.incr("visits"), cache.touch("k", 60), cache.delete("k")) == (True, 4, True, True)
        caches["default"]._away_until = 0.0
        assert shared_cache.count("visits", 600) == 5
        assert len(away) == 2

    def test_a_failure_of_it_does_not_end_the_transaction_of_a_page(self, away):
        with transaction.atomic():
            assert shared_cache.count("visits", 600) == 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                assert cursor.fetchone() == (1,)
