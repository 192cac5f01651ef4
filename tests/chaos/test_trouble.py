"""Trouble of the machine: SIGTERM, a locked or unreachable database, a full disk, a clock that is set back.

`/health` reports it, and afterwards no post is missing and none exists twice.
"""

import contextlib
import os
import sqlite3
import time
from urllib.parse import urlsplit

import pytest
from django.db import connection
from tests.chaos.disk import small_disk
from tests.chaos.gate import Gate
from tests.chaos.ground import LONG
from tests.chaos.wall_clock import WallClock

from elonara.invitations.models import Invitation, State

CREATE = "com.atproto.repo.createRecord"
AWAY = 20 if LONG else 3  # seconds


def test_sigterm_in_the_middle_finishes_what_is_being_posted(site, network, count):
    site.open(3)
    site.invite(6)
    network.faults([{"match": CREATE, "kind": "delay-after", "ms": 1500}])
    process = site.deliver()
    site.wait(lambda: Invitation.objects.filter(state=State.SENDING).count() >= 2, 60, often=0.02)
    seconds = process.end()
    network.faults([])
    assert seconds < 10
    assert not Invitation.objects.filter(state=State.SENDING).exists()
    halfway = site.tally()
    assert not halfway.missing
    assert not halfway.alive
    assert halfway.states.get(State.QUEUED)
    site.deliver()
    site.finish(60)
    tally = site.tally()
    count(f"ended in {seconds:.1f} s after {halfway.once} posts; then {tally}")
    assert tally.right, tally
    assert tally.once == 18


@pytest.mark.sqlite_only
def test_a_locked_database(site, network, count):
    site.open(3)
    site.invite(8)
    network.faults([{"match": CREATE, "kind": "delay-after", "ms": 300}])
    process = site.serve()
    site.wait(lambda: Invitation.objects.filter(state=State.SENT).count() >= 3, 60, often=0.02)
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=10, autocommit=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + AWAY
        health = site.health()
        time.sleep(max(0, until - time.monotonic()))
        other.execute("ROLLBACK")
    assert health == (503, "degraded")
    network.faults([])
    site.finish(150)
    assert site.health() == (200, "ok")
    assert process.running
    tally = site.tally()
    count(f"locked for {AWAY} s; {tally}")
    assert tally.right, tally
    assert tally.once == 24


@pytest.mark.postgres_only
def test_postgresql_restarts(site, network, count):
    site.open(3)
    site.invite(8)
    network.faults([{"match": CREATE, "kind": "delay-after", "ms": 300}])
    with Gate(urlsplit(os.environ["ELONARA_TEST_DATABASE_URL"]).port) as gate:
        through = {"ELONARA_DATABASE__URL": site.database_url(gate.port)}
        web, worker = site.serve("--without-jobs", **through), site.work(**through)
        site.wait(lambda: Invitation.objects.filter(state=State.SENT).count() >= 3, 60, often=0.02)
        site.wait(lambda: site.health() == (200, "ok"), 30)
        gate.close()
        until = time.monotonic() + AWAY
        health = site.health()
        time.sleep(max(0, until - time.monotonic()))
        gate.open()
        assert health == (503, "degraded")
        network.faults([])
        site.finish(150)
        assert site.health() == (200, "ok")
        assert web.running
        assert worker.running
        # Before the gate is closed, or the processes would wait for the database as they end.
        site.close()
    tally = site.tally()
    count(f"PostgreSQL away for {AWAY} s; {tally}")
    assert tally.right, tally
    assert tally.once == 24


@pytest.mark.sqlite_only
def test_a_full_disk(site, network, count, tmp_path):
    site.open(3)
    site.invite(8)
    network.faults([{"match": CREATE, "kind": "delay-after", "ms": 300}])
    with small_disk(tmp_path / "disk") as disk:
        on_it = {"ELONARA_DATABASE__URL": site.database_url(), "ELONARA_DATA_DIR": str(disk.folder / "data")}
        site.carry_keys(disk.folder / "data")
        process = site.serve(**on_it)
        site.wait(lambda: Invitation.objects.filter(state=State.SENT).count() >= 3, 60, often=0.02)
        # A long read keeps SQLite from resetting the write-ahead log, so the log must grow.
        with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], autocommit=True)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM elonara_invitation").fetchone()
            disk.fill()
            until = time.monotonic() + AWAY
            site.wait(lambda: site.health() == (503, "degraded"), 30)
            site.wait(lambda: "disk is full" in site.words(), 30)
            time.sleep(max(0, until - time.monotonic()))
            reader.execute("ROLLBACK")
        posted = site.tally()
        disk.empty()
        network.faults([])
        site.finish(150)
        assert site.health() == (200, "ok")
        assert process.running
        tally = site.tally()
        site.close()
    count(f"the disk was full for {AWAY} s; {posted.ahead} posts existed that no row knew of; {tally}")
    assert tally.right, tally
    assert tally.once == 24


def test_a_clock_that_is_set_back_an_hour(site, network, count, tmp_path):
    site.open(3)
    site.invite(16)
    network.faults([{"match": CREATE, "kind": "delay-after", "ms": 300}])
    clock = WallClock(tmp_path)
    process = site.deliver(**clock.environment)
    if connection.vendor == "sqlite":
        site.wait(lambda: site.health() == (200, "ok"), 30)
    site.wait(lambda: Invitation.objects.filter(state=State.SENT).count() >= 3, 60, often=0.02)
    clock.step(-3600)
    until = time.monotonic() + AWAY
    if connection.vendor == "sqlite":
        site.wait(lambda: site.health() == (503, "degraded"), 30)
    time.sleep(max(0, until - time.monotonic()))
    during = site.tally()
    assert during.once < 48
    clock.step(0)
    network.faults([])
    site.finish(150)
    if connection.vendor == "sqlite":
        assert site.health() == (200, "ok")
    assert process.running
    tally = site.tally()
    count(f"an hour back for {AWAY} s, {during.once} had been posted until then; {tally}")
    assert tally.right, tally
    assert tally.once == 48
