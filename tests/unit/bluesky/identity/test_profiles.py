"""The job that reads the names and pictures of connected members."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, answer

from elonara import jobs
from elonara.bluesky.identity import profiles
from elonara.bluesky.models import MemberIdentity

APPVIEW = "https://appview.example"


@pytest.fixture
def appview(net):
    """The profile of ALICE that the AppView returns, and the requests for it."""
    profile = {"did": ALICE, "handle": "alice.example.com", "displayName": "Alice", "avatar": "https://cdn.example/a"}
    requests = []

    def show(request):
        if request.path.endswith("/app.bsky.actor.getProfile"):  # the jobs of the graph ask for other things
            requests.append(request)
        return answer(200, profile) if profile else answer(502, {})

    net.origins[APPVIEW] = show
    return profile, requests


def the_row():
    return MemberIdentity.objects.get()


def a_week_passes():
    MemberIdentity.objects.update(profile_due_at=timezone.now() - timedelta(seconds=1))


def test_connecting_reads_no_profile_and_the_job_does(appview, connected):
    _, requests = appview
    assert requests == []
    assert the_row().display_name == ""
    jobs.drain()
    assert (the_row().display_name, the_row().avatar_url) == ("Alice", "https://cdn.example/a")
    jobs.drain()
    assert len(requests) == 1


def test_a_connect_wakes_the_job_of_its_account(appview, connect, member):
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


def test_the_name_is_read_again_after_about_a_week(appview, connected):
    profile, _ = appview
    jobs.drain()
    days = (the_row().profile_due_at - timezone.now()) / timedelta(days=1)
    assert 6 < days < 8
    profile["displayName"] = "Alice in Lisbon"
    a_week_passes()
    jobs.drain()
    assert the_row().display_name == "Alice in Lisbon"


def test_a_profile_that_cannot_be_read_stays_and_is_retried_an_hour_later(appview, connected):
    profile, requests = appview
    jobs.drain()
    profile.clear()
    a_week_passes()
    jobs.drain()
    assert the_row().display_name == "Alice"
    assert len(requests) == 2
    minutes = (the_row().profile_due_at - timezone.now()) / timedelta(minutes=1)
    assert 50 < minutes < 70


def test_whoever_disconnects_while_the_name_is_read_has_none(net, connected, service, member):
    def disconnect_meanwhile(request):
        service.disconnect(member)
        return answer(200, {"did": ALICE, "handle": "alice.example.com", "displayName": "Alice"})

    net.origins[APPVIEW] = disconnect_meanwhile
    jobs.drain()
    assert (the_row().display_name, the_row().profile_due_at) == ("", None)
