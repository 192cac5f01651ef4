"""Names and pictures of connected members, read beside everything else."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, answer

from elonara import jobs
from elonara.bluesky.identity import profiles
from elonara.bluesky.models import MemberIdentity

APPVIEW = "https://appview.example"


@pytest.fixture
def shown(net):
    """What the AppView shows of ALICE, and how often it was asked."""
    profile = {"did": ALICE, "handle": "alice.example.com", "displayName": "Alice", "avatar": "https://cdn.example/a"}
    asked = []

    def show(request):
        asked.append(request)
        return answer(200, profile) if profile else answer(502, {})

    net.origins[APPVIEW] = show
    return profile, asked


def the_row():
    return MemberIdentity.objects.get()


def a_week_passes():
    MemberIdentity.objects.update(profile_due_at=timezone.now() - timedelta(seconds=1))


def test_connecting_asks_for_no_profile_and_the_job_reads_it(shown, connected):
    _, asked = shown
    assert asked == []
    assert the_row().display_name == ""
    jobs.drain()
    assert (the_row().display_name, the_row().avatar_url) == ("Alice", "https://cdn.example/a")
    jobs.drain()
    assert len(asked) == 1


def test_a_connect_wakes_the_job_of_its_account(shown, connect, member):
    woken = []

    class Engine:
        def wake(self, kind, key, at):
            woken.append((kind, key, at))

        def stopping(self):
            return False

    jobs.set_engine(Engine())
    try:
        connect(member)
    finally:
        jobs.set_engine(None)
    assert (profiles.JOB_KIND, ALICE, None) in woken


def test_the_name_is_read_again_after_about_a_week(shown, connected):
    profile, _ = shown
    jobs.drain()
    days = (the_row().profile_due_at - timezone.now()) / timedelta(days=1)
    assert 6 < days < 8
    profile["displayName"] = "Alice in Lisbon"
    a_week_passes()
    jobs.drain()
    assert the_row().display_name == "Alice in Lisbon"


def test_what_cannot_be_read_stays_and_is_asked_for_an_hour_later(shown, connected):
    profile, asked = shown
    jobs.drain()
    profile.clear()
    a_week_passes()
    jobs.drain()
    assert the_row().display_name == "Alice"
    assert len(asked) == 2
    minutes = (the_row().profile_due_at - timezone.now()) / timedelta(minutes=1)
    assert 50 < minutes < 70


def test_whoever_disconnects_while_the_name_is_read_has_none(net, connected, service, member):
    def disconnect_meanwhile(request):
        service.disconnect(member)
        return answer(200, {"did": ALICE, "handle": "alice.example.com", "displayName": "Alice"})

    net.origins[APPVIEW] = disconnect_meanwhile
    jobs.drain()
    assert (the_row().display_name, the_row().profile_due_at) == ("", None)
