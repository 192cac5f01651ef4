"""Alice's site: she is connected, knows people, and a fake Bluesky takes her posts."""

import itertools
from datetime import timedelta

import pytest
from tests.fakes.agent import FakeAgent
from tests.fakes.appview import FakeAppView
from tests.fakes.graph import FakeGraph, somebody

from elonara import jobs
from elonara.bluesky import network
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.consent import relay_audience, spam_labels
from elonara.invitations.models import Announcement, Invitation
from elonara.invitations.outbox import thumbnails
from elonara.members.models import Member

ALICE = "did:plc:host"
SITE = "https://events.example"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def fresh():
    """Clear the caches of the process between tests."""
    thumbnails.forget()
    spam_labels.forget_labels()
    relay_audience.forget_answers()


@pytest.fixture
def site(set_options, clock, transactional_db):
    """A site with a public address, no spacing, and caps too high to matter."""
    set_options(
        site={"url": SITE},
        invitations={"spacing_seconds": 0, "per_day": 200, "first_week_per_day": 200, "per_week": 1000},
    )


@pytest.fixture
def agent(site):
    agent = FakeAgent(author_did=ALICE)
    with factory.use(agent):
        yield agent


@pytest.fixture
def people():
    """The people alice knows; tests add to them."""
    return [somebody(name) for name in ("bob", "carol", "dan")]


@pytest.fixture
def friends(agent, people):
    fake = FakeGraph(people)
    with graph_service.use(fake):
        yield fake


@pytest.fixture
def make_member(site):
    def make(name="", did="", **fields):
        name = name or f"person{next(_numbers)}"
        member = Member.objects.create_user(name, **fields)
        if did:
            MemberIdentity.objects.create(
                member=member, bsky_did=did, bsky_handle=f"{name}.example", pds_url="https://pds.example",
                state="active", state_reason="",
            )  # fmt: skip
        return member

    return make


@pytest.fixture
def appview(site):
    """The public AppView, which knows who really follows alice."""
    fake = FakeAppView()
    with network.use(fake.network, dns=fake.network.dns):
        yield fake


@pytest.fixture
def alice(make_member, friends):
    return make_member("alice", ALICE, display_name="Alice")


@pytest.fixture
def soon(clock):
    return (clock.now() + timedelta(days=12)).replace(hour=14, minute=0, second=0, microsecond=0)


@pytest.fixture
def make_event(alice, soon):
    def make(host=None, **fields):
        return events.create(host or alice, **{"title": "Picnic", "starts_at": soon, "timezone": "UTC"} | fields)

    return make


@pytest.fixture
def picnic(make_event):
    return make_event()


@pytest.fixture
def supper(make_event):
    return make_event(title="Secret supper", visibility="private", location="Behind the oak", description="Hush")


@pytest.fixture
def bakers(alice):
    return communities.create(alice, name="Bakers", description="Rye and wheat", visibility="public")


@pytest.fixture
def send(alice):
    """Queue invitations: `send(picnic, "bob", "carol")`."""

    def go(target, *names, host=None, **options):
        return actions.invite(host or alice, target, [f"did:plc:{name}" for name in names], **options)

    return go


@pytest.fixture
def deliver():
    return jobs.drain


@pytest.fixture
def row():
    """The invitation of one person, fresh from the database."""

    def find(name):
        return Invitation.objects.select_related("host", "event", "community", "announcement", "batch").get(
            invitee_did=f"did:plc:{name}"
        )

    return find


@pytest.fixture
def announcement():
    return Announcement.objects.get


@pytest.fixture
def states():
    """Each person's state by name."""

    def read():
        return {row.invitee_did.removeprefix("did:plc:"): row.state for row in Invitation.objects.all()}

    return read
