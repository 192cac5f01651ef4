"""A handle changes its owner; the DID stays. What is stored follows, and nobody is identified by a cached one."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB, answer

from elonara import jobs
from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.graph import actor_views
from elonara.bluesky.graph.service import BlueskyGraphService
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import AppPasswordSession, MemberIdentity

APPVIEW, PDS = "https://appview.example", "https://pds.example"
OLD, NEW = "alice.example.com", "alice.in.lisbon.example.com"


@pytest.fixture
def appview(net):
    """What the AppView says of a handle, of whomever it is asked about."""
    said = {"did": ALICE, "handle": OLD, "displayName": "Alice"}
    net.origins[APPVIEW] = lambda _request: answer(200, said)
    return said


def the_row(did=ALICE):
    return MemberIdentity.objects.get(bsky_did=did)


def the_job_runs():
    MemberIdentity.objects.update(profile_due_at=timezone.now() - timedelta(seconds=1))
    jobs.drain()


def test_the_profile_job_stores_a_new_handle(net, appview, connected):
    net.person(ALICE, NEW, PDS)
    the_job_runs()
    assert the_row().bsky_handle == NEW
    assert the_row().display_name == "Alice"


def test_what_the_appview_claims_is_no_proof(net, appview, connected):
    appview["handle"] = "the.prime.minister.example.com"
    the_job_runs()
    assert the_row().bsky_handle == OLD


def test_a_handle_is_stored_though_the_appview_is_away(net, connected):
    net.origins[APPVIEW] = lambda _request: answer(502, {})
    net.person(ALICE, NEW, PDS)
    the_job_runs()
    assert the_row().bsky_handle == NEW


@pytest.mark.parametrize("away", ["the directory", "the handle"])
def test_a_handle_that_cannot_be_read_now_stays(net, appview, connected, away):
    if away == "the directory":
        net.origins["https://plc.example"] = lambda _request: answer(503, {})
    else:  # its DNS is empty, and its server answers nothing
        net.txt.clear()
    the_job_runs()
    assert the_row().bsky_handle == OLD


def test_a_handle_that_somebody_else_has_is_hers_no_more(net, appview, connected, connect, make_member):
    # Alice's document names it still, but it leads to Bob, whose document names it as well.
    net.person(BOB, OLD, PDS)
    the_job_runs()
    assert the_row().bsky_handle == "handle.invalid"


def test_the_new_owners_sign_in_takes_it_from_the_former_one(net, server, service, connected, transactional_db):
    net.person(BOB, OLD, PDS)
    net.person(ALICE, NEW, PDS)
    url = service.begin("sign_in", OLD, browser="his")
    assert service.finish(server.approve(url, BOB), browser="his").did == BOB
    assert the_row().bsky_handle == "handle.invalid"
    the_job_runs()
    assert the_row().bsky_handle == NEW


def test_signing_in_by_a_handle_leads_to_its_owner_now_and_not_to_the_cached_one(net, server, service, connected):
    site_network.resolver().resolve(OLD)
    net.person(BOB, OLD, PDS)
    url = service.begin("sign_in", OLD, browser="his")
    assert server.pushed[url.partition("request_uri=")[2].replace("%3A", ":")]["login_hint"] in {OLD, BOB}
    assert service.finish(server.approve(url, BOB), browser="his").did == BOB


def test_the_app_password_is_shown_with_the_new_handle(net, appview, pds, member, connected):
    account = pds.create_account(OLD)
    net.person(account.did, OLD, pds.url)
    MemberIdentity.objects.update(bsky_did=account.did)
    app_passwords.connect(member, "", account.app_password)
    net.person(account.did, NEW, pds.url)
    the_job_runs()
    assert AppPasswordSession.objects.get().handle == NEW


class TestNaming:
    """Naming somebody to invite by a handle."""

    @pytest.fixture
    def profiles(self, net):
        """The AppView as the graph reads it: it knows the former owner by this handle, as long as its own cache."""
        stale = {"did": ALICE, "handle": OLD, "displayName": "Alice"}
        newcomer = {"did": BOB, "handle": "handle.invalid", "displayName": "Bob"}

        def serve(request):
            people = [one for one in (stale, newcomer) if f"actors={one['did']}".replace(":", "%3A") in request.url]
            if f"actors={OLD}" in request.url:
                people.append(stale)
            return answer(200, {"profiles": people})

        net.origins[APPVIEW] = serve

    @pytest.fixture
    def host(self, connect, make_member):
        member = make_member()
        MemberIdentity.objects.create(
            member=member, bsky_did="did:plc:hosthosthosthosthosthost", bsky_handle="h.example"
        )
        return member

    @pytest.mark.promise("proven-handle-wins")
    def test_the_former_owner_is_not_meant_by_a_view_that_was_just_stored(self, net, server, profiles, host):
        actor_views.keep(host.pk, [Person(ALICE, OLD, "Alice")])
        net.person(BOB, OLD, PDS)
        found = BlueskyGraphService().confirm(host.pk, [f"@{OLD}", ALICE])
        assert found[f"@{OLD}"].did == BOB
        assert found[f"@{OLD}"].handle == OLD
        assert found[ALICE].did == ALICE

    def test_a_handle_that_leads_nowhere_any_more_names_nobody(self, net, server, profiles, host):
        actor_views.keep(host.pk, [Person(ALICE, OLD, "Alice")])
        net.person(BOB, OLD, PDS)
        net.documents[BOB]["alsoKnownAs"] = ["at://somebody.else.example.com"]  # Bob does not name it back
        assert BlueskyGraphService().confirm(host.pk, [OLD]) == {}

    def test_where_nobody_can_be_asked_the_appview_says_who_it_is(self, net, server, profiles, host):
        net.txt.clear()
        assert BlueskyGraphService().confirm(host.pk, [OLD])[OLD].did == ALICE
