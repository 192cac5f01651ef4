"""Clocks that are off: no session is lost, no post is made twice or forgotten, and `elonara doctor` says a sentence.

The site's processes run under libfaketime; the PDS, its authorization server and the database have the right time.
"""

import json
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from tests.chaos.ground import LONG
from tests.chaos.wall_clock import WallClock

from elonara.bluesky.models import AccountLane, ActorView, MemberIdentity
from elonara.housekeeping.models import Worker
from elonara.invitations.models import Announcement, Invitation, State

CREATE = "com.atproto.repo.createRecord"
OFF = (-600, -300, -60, -10, 10, 60, 300, 600) if LONG else (-600, 600)
MOST_OF_A_WORKER = 50  # one whose clock is more than a minute off from the database's takes no work
HOSTS, PEOPLE = 2, 5


@pytest.fixture
def clock(tmp_path):
    """Makes the environment of a process whose clock is off by so many seconds."""

    def off_by(seconds):
        folder = tmp_path / f"off{seconds}"
        folder.mkdir(exist_ok=True)
        found = WallClock(folder)
        found.step(seconds)
        return found.environment

    return off_by


@pytest.mark.promise("grant-stands")
@pytest.mark.parametrize("off", OFF)
def test_clocks_that_are_off_lose_no_session_and_double_no_post(site, network, count, clock, off):
    """A process whose clock is ahead is killed in the middle, and one whose clock is behind goes on, or vice versa."""
    if connection.vendor == "postgresql":
        off = max(-MOST_OF_A_WORKER, min(MOST_OF_A_WORKER, off))
    site.open(HOSTS)
    site.invite(PEOPLE)
    # Each process has to refresh, and loses an answer.
    tokens = expire()
    network.faults([
        {"match": CREATE, "kind": "drop-after", "times": 2},
        {"match": CREATE, "kind": "delay-after", "ms": 300},
    ])  # fmt: skip
    first = site.deliver(**clock(off))
    wait(site, lambda: Invitation.objects.filter(state=State.SENT).count() >= 2, off)
    assert not tokens & stored()
    kill_with_nothing_lost_on_the_way(site, first)
    tokens = expire()
    network.faults([{"match": CREATE, "kind": "drop-after", "times": 1}])
    site.deliver(**clock(-off))
    wait(site, lambda: not site.under_way(), -off)
    assert site.lost() == []
    assert not tokens & stored()
    assert set(MemberIdentity.objects.values_list("state", flat=True)) == {"active"}
    tally = site.tally()
    count(f"{off:+d} s, then {-off:+d} s: {tally}")
    assert tally.right, tally
    assert tally.once == HOSTS * PEOPLE


@pytest.mark.parametrize("off", OFF)
def test_doctor_says_by_how_much_the_clock_is_off(site, count, clock, off):
    found = doctor(site, **clock(off))
    says = [one["says"] for one in found if one["what"] == "clock" and one["level"] == "wrong"]
    way = "ahead" if off > 0 else "behind"
    expected = [f"this machine's clock is {abs(off) + more} seconds off ({way})" for more in (-1, 0, 1)]
    assert any(one.startswith(tuple(expected)) for one in says), found
    if connection.vendor == "postgresql":
        assert any("the database's clock is" in one for one in says), found
    right = doctor(site)
    assert not [one for one in right if one["what"] == "clock" and one["level"] == "wrong"], right
    count(f"{off:+d} s: {says}")


@pytest.mark.postgres_only
@pytest.mark.parametrize("off", [off for off in OFF if abs(off) > MOST_OF_A_WORKER])
def test_a_worker_whose_clock_is_far_off_leaves_the_work_to_others_and_is_named(site, count, clock, off):
    site.open(HOSTS)
    site.invite(PEOPLE)
    site.work(**clock(off))
    site.wait(Worker.objects.exclude(held="").exists, 60)
    found = doctor(site)
    [says] = [one["says"] for one in found if one["what"] == "clock" and one["level"] == "wrong"]
    assert "of worker" in says
    assert f"seconds off from ours ({'ahead' if off > 0 else 'behind'})" in says
    [held] = [one["says"] for one in found if one["what"] == "workers"]
    assert "takes no work: its clock" in held
    assert not Invitation.objects.exclude(state=State.QUEUED).exists()
    site.work()
    site.wait(lambda: not site.under_way(), 120)
    tally = site.tally()
    count(f"{off:+d} s: {says}; {tally}")
    assert tally.once == HOSTS * PEOPLE


def kill_with_nothing_lost_on_the_way(site, process):
    """SIGKILL the process while the post of every attempt whose outcome is open exists.

    An attempt that died before its request reached the server is dated by that process's clock. With a clock that is
    behind by so much, the next one only reads the key until that date is past, for twenty minutes; with one that is
    ahead, it asks the host. Both are right, and have tests of their own (`tests/unit/invitations/outbox`).
    """
    open_outcome = Q(state=State.SENDING) | Q(ambiguous=True)

    def landed():
        process.freeze()
        time.sleep(1)
        posted = {record["uri"].rpartition("/")[2] for record in site.records()}
        rows = [row for model in (Announcement, Invitation) for row in model.objects.filter(open_outcome)]
        if {row.rkey for row in rows} <= posted:
            return True
        process.go_on()
        return False

    site.wait(landed, 60, often=0.1)
    assert site.under_way(), "there is nothing left for the next process"
    process.kill()


def doctor(site, **environment):
    """The findings of `elonara doctor --json`, whatever its exit status."""
    command = [sys.executable, "-m", "elonara.cli", "doctor", "--json"]
    done = subprocess.run(
        command, env=site.environment(**environment), capture_output=True, text=True, timeout=60, check=False
    )
    return json.loads(done.stdout)["findings"]


def expire():
    """Expire every access token by any clock; returns the tokens as they are stored."""
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() - timedelta(hours=1))
    return stored()


def stored():
    return set(MemberIdentity.objects.values_list("bsky_access_token_enc", flat=True))


def wait(site, until, off):
    """Wait for a process whose clock is off. One that is behind makes posts late, so what is due is dated earlier."""
    behind = timedelta(seconds=2 * abs(off) + 60)

    def hurry():
        now = timezone.now()
        # Seeded, as no AppView could replace them: fresh by that process's clock.
        ActorView.objects.update(checked_at=now + timedelta(seconds=off))
        AccountLane.objects.filter(next_at__gt=now - behind).update(next_at=None)
        for model in (Invitation, Announcement):
            soon = model.objects.filter(state=State.QUEUED, next_attempt_at__gt=now - behind)
            soon.update(next_attempt_at=now - behind)

    hurry()
    site.wait(until, 240, often=0.1, meanwhile=hurry)
