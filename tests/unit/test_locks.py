import datetime
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from elonara import locks
from elonara.locks import LANE_COLUMNS, has_ended, lane, release, take_lease, this_thread
from elonara.models import AccountLane, Member, MemberIdentity

ALICE = "did:plc:alice"


def in_threads(number, work):
    """Run `work(n)` in `number` threads at once; returns what they returned, raises what one raised."""
    results, errors = [], []
    barrier = threading.Barrier(number)

    def body(n):
        try:
            barrier.wait(10)
            results.append(work(n))
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=body, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise ExceptionGroup("in threads", errors)
    return results


@pytest.fixture
def identity(db):
    member = Member.objects.create(username="alice")
    return MemberIdentity.objects.create(member=member, bsky_did=ALICE, bsky_handle="alice.test")


@pytest.mark.django_db
class TestALane:
    def test_belongs_to_one_worker_at_a_time(self):
        with lane(ALICE, owner="one") as first, lane(ALICE, owner="two") as second:
            assert first is not None
            assert second is None

    def test_even_the_same_owner_does_not_get_it_twice(self):
        with lane(ALICE, owner="one"), lane(ALICE, owner="one") as again:
            assert again is None

    def test_is_free_again_after_the_block_even_when_it_failed(self):
        with pytest.raises(ZeroDivisionError), lane(ALICE, owner="one"):
            raise ZeroDivisionError
        with lane(ALICE, owner="two") as lease:
            assert lease is not None

    def test_of_another_account_is_another_lane(self):
        with lane(ALICE, owner="one"), lane("did:plc:bob", owner="two") as other:
            assert other is not None

    def test_has_a_fence_that_only_grows(self):
        fences = []
        for _ in range(3):
            with lane(ALICE, owner="one") as lease:
                fences.append(lease.fence)
        assert fences == [1, 2, 3]

    def test_shows_who_has_it_and_until_when(self):
        with lane(ALICE, owner="one", seconds=30):
            row = AccountLane.objects.get(pk=ALICE)
            assert row.owner.startswith("one:")
            assert abs((row.lease_until - timezone.now()).total_seconds() - 30) < 5
        row.refresh_from_db()
        assert (row.owner, row.lease_until) == ("", None)


@pytest.mark.django_db
class TestALease:
    def take(self, identity, owner="one", seconds=60):
        return take_lease(MemberIdentity, identity.pk, owner, seconds)

    def test_of_a_row_that_is_not_there_is_none(self, identity):
        identity.delete()
        assert self.take(identity) is None

    def test_that_ended_can_be_taken_by_another(self, identity):
        first = self.take(identity)
        first.update(lease_until=Now() - datetime.timedelta(seconds=1))
        second = self.take(identity, owner="two")
        assert second.fence == first.fence + 1

    def test_that_was_lost_writes_nothing(self, identity):
        first = self.take(identity)
        first.update(lease_until=Now() - datetime.timedelta(seconds=1))
        second = self.take(identity, owner="two")
        assert not first.update(bsky_scope="stale")
        assert second.update(bsky_scope="fresh")
        identity.refresh_from_db()
        assert identity.bsky_scope == "fresh"

    def test_that_was_lost_does_not_release_the_new_one(self, identity):
        first = self.take(identity)
        first.update(lease_until=Now() - datetime.timedelta(seconds=1))
        self.take(identity, owner="two")
        assert not release(first)
        assert first.extend() is None
        assert self.take(identity, owner="three") is None

    def test_that_is_extended_ends_later(self, identity):
        short = self.take(identity, seconds=1)
        longer = short.extend(100)
        assert longer.seconds_left > 90 > short.seconds_left
        identity.refresh_from_db()
        assert (identity.lease_until - timezone.now()).total_seconds() > 90

    def test_from_before_the_clock_was_set_back_is_void(self, identity):
        self.take(identity).update(lease_until=Now() + datetime.timedelta(hours=1))
        assert self.take(identity, owner="two") is not None

    @pytest.mark.parametrize("seconds", [0, -1, 601])
    def test_of_an_impossible_length_is_refused(self, identity, seconds):
        with pytest.raises(ValueError, match="lasts up to"):
            self.take(identity, seconds=seconds)


@pytest.mark.django_db(transaction=True)
def test_no_lease_is_taken_inside_a_transaction():
    AccountLane.objects.create(author_did=ALICE)
    with pytest.raises(RuntimeError), transaction.atomic():
        take_lease(AccountLane, ALICE, "one", columns=LANE_COLUMNS)


@pytest.mark.django_db(transaction=True)
def test_of_12_workers_that_take_a_lane_at_once_one_gets_it():
    AccountLane.objects.create(author_did=ALICE)
    for _ in range(5):
        taken = in_threads(12, lambda n: take_lease(AccountLane, ALICE, f"worker-{n}", columns=LANE_COLUMNS))
        winners = [lease for lease in taken if lease]
        assert len(winners) == 1
        release(winners[0])


@pytest.mark.django_db(transaction=True)
def test_12_threads_that_read_then_write_never_find_the_database_locked():
    AccountLane.objects.create(author_did=ALICE)

    def count_up(n):
        for _ in range(20):
            with transaction.atomic():
                row = AccountLane.objects.select_for_update().get(pk=ALICE)
                AccountLane.objects.filter(pk=ALICE).update(fence=row.fence + 1)

    in_threads(12, count_up)
    assert AccountLane.objects.get(pk=ALICE).fence == 12 * 20


@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True)
def test_sqlite_runs_in_wal_mode_and_takes_its_write_lock_at_once():
    with closing(connection.cursor()) as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000
    assert connection.transaction_mode == "IMMEDIATE"


@pytest.fixture
def alice_lane(db):
    return AccountLane.objects.create(author_did=ALICE)


@pytest.fixture
def owner_name_of_a_killed_process():
    """The owner name of leases that a process of this machine took before it was killed."""
    script = "import time; from elonara.locks import this_thread; print(this_thread(), flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    name = process.stdout.readline().strip()
    assert not has_ended(name)
    process.kill()
    process.wait()
    process.stdout.close()
    return name


def test_a_lease_that_a_killed_process_left_behind_is_taken_at_once(alice_lane, owner_name_of_a_killed_process):
    left = take_lease(AccountLane, ALICE, owner_name_of_a_killed_process, 600, columns=LANE_COLUMNS)
    lease = take_lease(AccountLane, ALICE, this_thread(), columns=LANE_COLUMNS)
    assert lease.fence == left.fence + 1
    assert not left.update(pause_reason="late")


def test_a_lease_of_a_living_process_or_of_another_machine_is_waited_for(alice_lane, owner_name_of_a_killed_process):
    elsewhere = "elsewhere:" + owner_name_of_a_killed_process.partition(":")[2]
    for owner in (this_thread(), elsewhere, "elsewhere", "a:b:c"):
        assert not has_ended(owner)
        lease = take_lease(AccountLane, ALICE, owner, columns=LANE_COLUMNS)
        assert take_lease(AccountLane, ALICE, "me", columns=LANE_COLUMNS) is None
        release(lease)


def test_a_lane_that_could_not_be_given_back_is_free_once_its_block_has_ended(alice_lane, monkeypatch):
    def unreachable_database(lease):
        raise OperationalError("unreachable")

    monkeypatch.setattr(locks, "release", unreachable_database)
    with pytest.raises(OperationalError), lane(ALICE, owner=this_thread()) as left, lane(ALICE, owner="b") as second:
        assert second is None
    monkeypatch.undo()
    with lane(ALICE, owner=this_thread()) as lease:
        assert lease.fence == left.fence + 1
