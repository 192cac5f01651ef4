"""A site, members and a graph of friends, and an in-memory authorization server."""

import dataclasses
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from tests.fakes.agent import FakeAgent
from tests.fakes.graph import FakeGraph, somebody
from tests.fakes.oauth import ALICE, BOB, PLC, AuthorizationServer, Network

from elonara.bluesky import network as site_network
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Invitation
from elonara.members.models import Member

PASSWORD = "correct horse battery staple"
HOST_DID = "did:plc:host"
BOB_HANDLE = "bob.example.com"


@pytest.fixture
def site(settings, transactional_db):
    cache.clear()  # counts of sign-ins: of all tests, that come from one address
    options = settings.ELONARA
    settings.ELONARA = dataclasses.replace(
        options,
        site=dataclasses.replace(options.site, registration="open"),
        bluesky=dataclasses.replace(
            options.bluesky,
            plc_url=PLC,
            appview_url="https://appview.example",
            allow_private_hosts=("pds.example:443",),
        ),
        invitations=dataclasses.replace(options.invitations, spacing_seconds=0),
    )
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def server(site):
    """An authorization server with the accounts alice and bob."""
    net = Network()
    with site_network.use(net, dns=net.dns):
        found = AuthorizationServer(net)
        net.person(ALICE, "alice.example.com", found.pds)
        net.person(BOB, BOB_HANDLE, found.pds)
        yield found


@pytest.fixture
def make_member(site):
    def make(username, **fields):
        return Member.objects.create_user(username, password=PASSWORD, **fields)

    return make


@pytest.fixture
def alice(make_member):
    """The host: connected, with an app password's agent."""
    member = make_member("alice", display_name="Alice Moreira")
    MemberIdentity.objects.create(
        member=member, bsky_did=HOST_DID, bsky_handle="alice.example", pds_url="https://pds.example",
        state="active", state_reason="",
    )  # fmt: skip
    return member


@pytest.fixture
def people():
    return [somebody("carol"), somebody("dan"), dataclasses.replace(somebody("bob"), did=BOB, handle=BOB_HANDLE)]


@pytest.fixture
def friends(site, people):
    fake = FakeGraph(people)
    with graph_service.use(fake), factory.use(FakeAgent(author_did=HOST_DID)):
        yield fake


@pytest.fixture
def picnic(alice):
    return events.create(
        alice,
        title="Winter picnic",
        starts_at=timezone.now() + timedelta(days=12),
        timezone="Europe/Lisbon",
        plus_ones_allowed=2,
    )


@pytest.fixture
def supper(alice):
    return events.create(
        alice,
        title="Secret supper",
        starts_at=timezone.now() + timedelta(days=12),
        timezone="Europe/Lisbon",
        visibility="private",
    )


@pytest.fixture
def circle(alice):
    return communities.create(alice, name="Bread Circle")


@pytest.fixture
def invited(alice, friends):
    """Invites bob to a target and returns the invitation, in the state `sent`."""

    def invite(target, did=BOB):
        actions.invite(alice, target, [did], note="Bring bread.")
        found = Invitation.objects.get(invitee_did=did, **{type(target).__name__.lower(): target})
        Invitation.objects.filter(pk=found.pk).update(state="sent", sent_at=timezone.now(), uri="at://x/y/z")
        found.refresh_from_db()
        return found

    return invite


def sign_in(browser, member):
    """Sign a member in as she would: a moment ago, so that she need not show again who she is."""
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(member.pk)
    session.save()
    return browser


@pytest.fixture
def signed_in(client):
    return lambda member: sign_in(client, member)


@pytest.fixture
def authorize(server):
    """Follows a redirect to the authorization server, consents there as `did`, and calls back in the same browser."""

    def go(client, response, did, **options):
        assert response.status_code == 302, response.content
        return client.get("/auth/bluesky/callback", server.approve(response["location"], did, **options))

    return go
