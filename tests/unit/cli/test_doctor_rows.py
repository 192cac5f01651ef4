"""`elonara doctor`: checks in the database of a site that sends, and of its disk."""

import dataclasses
from collections import namedtuple
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.unit.invitations.conftest import *  # noqa: F403

from elonara.bluesky.models import AccountLane, AppPasswordSession, PdsHost
from elonara.bluesky.sealed_columns import sealed_columns
from elonara.cli import doctor, doctor_rows
from elonara.housekeeping import workers
from elonara.housekeeping.models import OutgoingEmail, Worker
from elonara.invitations.models import HostSending, Invitation, State


@pytest.fixture
def found(site, settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    workers.beating("embedded")()

    def run(what):
        output = [one for one in doctor_rows.check(settings.ELONARA) if one.what == what]
        assert all(one.fix for one in output if one.level != "ok")
        return [(one.level, one.says) for one in output]

    return run


def minutes_ago(minutes):
    return timezone.now() - timedelta(minutes=minutes)


@pytest.fixture
def overdue(alice, picnic, send):
    """Two posts whose `next_attempt_at` passed 25 minutes ago."""
    send(picnic, "bob", "carol")
    for model in doctor_rows.MODELS:
        model.objects.update(next_attempt_at=minutes_ago(25))


def test_a_stuck_queue_is_wrong(found, overdue):
    assert found("queue") == [("wrong", "what is due longest has waited for 25 minutes")]


def test_posts_that_wait_for_spacing_or_are_paused_are_not_stuck(found, overdue, alice):
    did = Invitation.objects.values_list("author_did", flat=True)[0]
    lane, _ = AccountLane.objects.update_or_create(author_did=did, defaults={"next_at": minutes_ago(0)})
    assert found("queue") == []
    AccountLane.objects.filter(pk=lane.pk).update(next_at=None)
    HostSending.objects.update_or_create(host=alice, defaults={"paused_at": minutes_ago(30)})
    assert found("queue") == []


def test_an_email_that_nobody_sends_is_stuck_too(found):
    OutgoingEmail.objects.create(message_enc="x", due_at=minutes_ago(11))
    assert found("queue") == [("wrong", "what is due longest has waited for 11 minutes")]


def test_failures_of_the_last_day_are_counted_with_their_reasons(found, alice, picnic, send):
    send(picnic, "bob", "carol", "dan")
    Invitation.objects.update(state=State.FAILED, reason="record_refused", last_attempt_at=minutes_ago(5))
    Invitation.objects.filter(invitee_did="did:plc:dan").update(last_attempt_at=minutes_ago(25 * 60))
    assert found("failed") == [("note", "2 in the last day. 2: Bluesky refused the post.")]


def test_a_paused_server_is_named(found):
    until = timezone.now() + timedelta(minutes=9)
    PdsHost.objects.create(origin="https://pds.example", paused_until=until, reason="rate_limited")
    PdsHost.objects.create(origin="https://old.example", paused_until=minutes_ago(1), reason="rate_limited")
    assert found("server") == [("note", f"https://pds.example is left alone until {until:%H:%M} UTC (rate_limited)")]


def test_the_relay_whose_password_is_refused_is_wrong_until_it_has_another(found, settings):
    row = AppPasswordSession(did="did:plc:relay", handle="relay.example", state="refused")
    row.app_password_enc = sealed_columns(row, {"app_password_enc": "old"})["app_password_enc"]
    row.save()
    for password, expected in (
        ("old", [("wrong", "relay.example's server no longer accepts its app password")]),
        ("new", []),
    ):
        relay = dataclasses.replace(settings.ELONARA.bluesky.relay, identifier="relay.example", app_password=password)
        bluesky = dataclasses.replace(settings.ELONARA.bluesky, relay=relay)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=bluesky)
        assert found("relay") == expected


def test_dates_in_the_future_show_that_the_clock_was_set_back(found):
    assert found("clock") == []
    Worker.objects.update(seen_at=timezone.now() + timedelta(hours=1))
    ((level, says),) = found("clock")
    assert level == "wrong"
    assert "in the future" in says


@pytest.mark.parametrize(("megabytes", "level"), [(5000, "ok"), (500, "note"), (5, "wrong")])
def test_free_disk_space_is_checked(settings, monkeypatch, megabytes, level):
    usage = namedtuple("usage", "free")(megabytes << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage)
    (one,) = doctor._disk(settings.ELONARA)
    assert (one.level, one.what, bool(one.fix)) == (level, "disk", level != "ok")
    assert one.says.startswith(f"{megabytes:,} MB are free")
