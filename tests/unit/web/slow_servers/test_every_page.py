"""Every page that asks another server is there in time although that server says nothing, and says what is missing.

The table of these pages is in docs/servers.md.
"""

import socket
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.graph import FakeGraph, somebody, stored
from tests.fakes.oauth import ALICE
from tests.pages import page_text
from tests.unit.web.conftest import sign_in
from tests.unit.web.slow_servers.conftest import GIVE_UP, SLOW, timed

from elonara.atproto.errors import SlowBody
from elonara.atproto.http import GuardedHttp
from elonara.bluesky import network, outward
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.sealed_columns import sealed_columns
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.consent import pauses
from elonara.invitations.models import HostSending, Invitation
from elonara.members.models import Member

CAROL = "did:plc:carol"
SILENCE = 20.0  # seconds
FAR_LESS = 5.0  # seconds; a page gives up after 0.4 here, and a busy machine has its own delays


@pytest.fixture
def browser(connected):
    """Carla's browser: her session has to be refreshed, and her server will say nothing."""
    client = Client()
    sign_in(client, connected)
    return client


@pytest.fixture
def picnic(connected):
    starts = timezone.now() + timedelta(days=3)
    return events.create(connected, title="Picnic", starts_at=starts, timezone="UTC")


@pytest.fixture
def chosen(connected, picnic):
    """The address of Pick, where Carol is chosen, whom the stored graph has."""
    with graph_service.use(FakeGraph([somebody("carol")])):
        stored(connected)
    actions.choose(connected, picnic, [CAROL])
    return f"/events/{picnic.slug}/manage?tab=invite"


@pytest.fixture
def silent(server, slow, monkeypatch):
    """From now on no server says anything, for 20 seconds or until the deadline of the call."""

    def request(method, url, **options):
        # What goes on in the background, with 20 seconds of its own, ends sooner here.
        silence = SILENCE if outward.current() is not None else SLOW
        time.sleep(min(silence, options.get("deadline", SILENCE)))
        raise SlowBody("it did not answer in time")

    return lambda: monkeypatch.setattr(server.network, "request", request)


def in_time(call):
    response, seconds = timed(call)
    assert seconds < FAR_LESS, f"{seconds:.1f} s"
    return response


class TestCheck:
    def test_shows_the_posts_as_they_are_stored(self, browser, chosen, silent):
        silent()
        response = in_time(lambda: browser.get(f"{chosen}&step=check"))
        page = page_text(response)
        assert response.status_code == 200
        assert "@carol.example" in page
        assert "I&#x27;d love you to come to Picnic" in page
        assert "People could not be checked right now" in page
        assert "Your account is on pds.example." in page
        assert "read from Bluesky" in page, "and the age of what is shown"
        assert f'href="/events/{chosen.split("/")[2]}/manage?tab=invite&amp;step=check">Try again' in page
        send = page.partition('value="send"')[2].partition(">")[0]
        assert "disabled" in send

    def test_sends_nothing_and_keeps_what_was_written(self, browser, chosen, silent):
        silent()
        response = in_time(lambda: browser.post(f"{chosen}&step=check", {"go": "send", "note": "Bring bread."}))
        page = page_text(response)
        assert response.status_code == 400
        assert not Invitation.objects.exists()
        assert "Bring bread." in page
        assert "@carol.example" in page


class TestPick:
    def test_shows_the_stored_people_without_asking(self, browser, chosen, server, silent):
        silent()
        asked = len(server.network.requests)
        page = page_text(in_time(lambda: browser.get(chosen)))
        assert "carol.example" in page
        assert len(server.network.requests) == asked

    def test_keeps_a_handle_that_nobody_was_asked_about(self, browser, chosen, silent):
        silent()
        response = in_time(lambda: browser.post(chosen, {"who": "zoe.example", "go": "add"}))
        page = page_text(response)
        assert (response.status_code, ">zoe.example</textarea>" in page) == (400, True)
        assert "Bluesky could not be reached just now." in page


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/auth/bluesky/start", "bob.example.com"), ("/invitations/prove", "bob.example.com"),
        ("/auth/bluesky/connect", "alice.example.com"), ("/auth/bluesky/reauthorize", "alice.example.com"),
    ],
)  # fmt: skip
def test_a_start_of_oauth_comes_back_with_what_was_typed(address, said, browser, silent):
    client = browser if "connect" in address or "reauth" in address else Client()
    silent()
    response = in_time(lambda: client.post(address, {"handle": said}))
    page = page_text(response if response.status_code == 400 else client.get(response["location"]))
    assert said in page
    assert "does not answer" in page or "could not be looked up" in page


def test_the_form_says_beforehand_that_a_server_is_asked(client, site):
    assert "Bluesky opens next, or the server of your account" in page_text(client.get("/auth/bluesky/start"))


def test_an_answer_to_an_event_is_kept(client, picnic, silent):
    silent()
    given = {"answer": "going", "note": "With cake", "handle": "bob.example.com"}
    page = page_text(in_time(lambda: client.post(f"/events/{picnic.slug}/answer", given)))
    assert "With cake" in page


def test_an_app_password_is_refused_beside_its_field(browser, silent):
    silent()
    given = {"identifier": "alice.example.com", "app_password": "abcd-efgh-ijkl-mnop"}
    response = in_time(lambda: browser.post("/connect/bluesky", given))
    page = page_text(response)
    assert response.status_code == 400
    assert "does not answer" in page or "could not be looked up" in page


def test_disconnecting_ends_here_and_says_what_is_left_to_do(browser, connected, silent):
    silent()
    in_time(lambda: browser.post("/disconnect/bluesky"))
    assert "Bluesky could not be reached." in page_text(browser.get("/profile/edit"))
    assert not MemberIdentity.objects.filter(member=connected, state="active").exists()


@pytest.fixture
def app_password(connected):
    """Carla's app password, with a session at her server."""
    row = AppPasswordSession(did=ALICE, handle="alice.example.com", member=connected, pds_url="https://pds.example")
    row.refresh_jwt_enc = sealed_columns(row, {"refresh_jwt_enc": "a.refresh.token"})["refresh_jwt_enc"]
    row.save(force_insert=True)


@pytest.mark.usefixtures("app_password")
def test_removing_an_app_password_ends_here(browser, connected, silent):
    silent()
    in_time(lambda: browser.post("/disconnect/app-password"))
    assert not AppPasswordSession.objects.exists()
    assert "You can also end it in Bluesky" in page_text(browser.get("/profile/edit"))


@pytest.mark.parametrize("kind", ["event", "community"])
def test_a_handle_of_somebody_to_be_asked_is_not_guessed(kind, browser, connected, picnic, silent):
    place = f"/events/{picnic.slug}/hosts"
    if kind == "community":
        place = f"/communities/{communities.create(connected, name='Bakers').slug}/transfer"
    silent()
    response = in_time(lambda: browser.post(place, {"username": "@bob.example.com"}))
    page = page_text(response if response.status_code != 302 else browser.get(response["location"]))
    assert "Bluesky does not say whose handle @bob.example.com is." in page


@pytest.mark.usefixtures("app_password")
def test_deleting_the_account_ends_here(browser, connected, silent):
    silent()
    response = in_time(lambda: browser.post("/profile/delete", {}))
    assert (response.status_code, response["location"]) == (302, "/")
    assert not Member.objects.filter(pk=connected.pk).exists()
    assert "End the permission there too" in page_text(browser.get("/"))


def test_a_pause_goes_on_where_nobody_says_that_its_label_is_gone(connected, make_member, silent):
    operator, client = make_member("root", is_superuser=True, is_staff=True), Client()
    sign_in(client, operator)
    pauses.pause_host(connected, pauses.SPAM_REASON)
    silent()
    response = in_time(lambda: client.post("/admin/jobs/", {"what": "host", "which": connected.pk}))
    page = page_text(response if response.status_code != 302 else client.get(response["location"]))
    assert "Bluesky did not say whether its label is gone." in page
    assert HostSending.objects.get(host=connected).paused_at is not None


@pytest.mark.parametrize(
    "address", ["/", "/events", "/events/{slug}", "/profile", "/profile/edit", "/invitations", "/@carla"]
)
def test_other_pages_ask_nobody(address, browser, picnic, server, silent):
    silent()
    asked = len(server.network.requests)
    assert browser.get(address.format(slug=picnic.slug)).status_code == 200
    assert len(server.network.requests) == asked


def test_a_server_that_accepts_and_says_nothing(browser, connected, chosen, settings):
    """With the real client, and a socket that is never read."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        where = f"127.0.0.1:{listening.getsockname()[1]}"
        bluesky = settings.ELONARA.bluesky
        allowed = (*bluesky.allow_private_hosts, where)
        settings.ELONARA = replace(
            settings.ELONARA,
            bluesky=replace(
                bluesky, allow_private_hosts=allowed, appview_url=f"http://{where}", plc_url=f"http://{where}"
            ),
        )
        MemberIdentity.objects.filter(member=connected).update(
            pds_url=f"http://{where}", bsky_token_expires_at=timezone.now() + timedelta(hours=1)
        )
        with network.use(GuardedHttp(allowed)):
            response = in_time(lambda: browser.get(f"{chosen}&step=check"))
        page = page_text(response)
        assert "127.0.0.1 does not answer" in page or "127.0.0.1 has not answered" in page
        assert "@carol.example" in page


def test_waiting_for_a_place_is_a_part_of_the_time():
    budget = outward.RequestBudget(lambda: lambda: None, lambda: lambda: None, seconds=GIVE_UP)
    budget.hold(lambda: None, time.monotonic() - GIVE_UP / 2)
    assert budget.left() <= GIVE_UP / 2
    slow = outward.RequestBudget(lambda: time.sleep(0.05) or (lambda: None), lambda: lambda: None, seconds=GIVE_UP)
    assert slow.left() <= GIVE_UP - 0.05
