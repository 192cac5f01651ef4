"""A loopback site and, in memory, the servers that it calls."""

import dataclasses
import itertools
import secrets

import pytest
from tests.fakes.faulty_server import Call
from tests.fakes.oauth import ALICE, BOB, PLC, AuthorizationServer, Network, answer
from tests.fakes.pds import FakePds

from elonara.bluesky import hooks
from elonara.bluesky import network as site_network
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.members.models import Member

_numbers = itertools.count(1)
HANDLES = {ALICE: "alice.example.com", BOB: "bob.example.com"}


@pytest.fixture
def bluesky(settings):
    """Sets options of `bluesky.*`."""

    def set_(**options):
        changed = dataclasses.replace(settings.ELONARA.bluesky, **options)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=changed)

    set_(plc_url=PLC, appview_url="https://appview.example")
    return set_


@pytest.fixture
def net(bluesky):
    found = Network()
    with site_network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def server(net):
    found = AuthorizationServer(net)
    for did, handle in HANDLES.items():
        net.person(did, handle, found.pds)
    return found


@pytest.fixture
def pds(net):
    """A PDS for app passwords; `net.person(…)` makes its accounts known."""
    found = FakePds()
    found.url = "https://home.example"

    def serve(request):
        found.calls.append(Call(request.method, request.url, request.headers, request.content))
        reply = found.answer(found.calls[-1])
        return answer(reply.status, reply.body, reply.headers)

    net.origins[found.url] = serve
    return found


@pytest.fixture
def service(server):
    return BlueskyOAuthService()


@pytest.fixture
def make_member(transactional_db):
    """Makes a member; each call another one."""

    def make():
        return Member.objects.create_user(f"member{next(_numbers)}", password="a long password")

    return make


@pytest.fixture
def member(make_member):
    return make_member()


@pytest.fixture
def connect(service, server):
    """Connect a member to an account."""

    def go(member, did=ALICE, **options):
        options = {"confirmed": True, "browser": secrets.token_hex(8)} | options
        url = service.begin("connect", HANDLES[did], member=member, **options)
        return service.finish(server.approve(url, did), browser=options["browser"])

    return go


@pytest.fixture
def connected(connect, member):
    return connect(member).identity


@pytest.fixture
def hook_calls():
    """The calls of the hooks: (name, member_id, did), in order."""
    calls, listeners = [], []
    for name in ("on_ready", "on_disconnect", "on_needs_member"):

        def listen(member_id, did, name=name):
            calls.append((name, member_id, did))

        getattr(hooks, name).add(listen)
        listeners.append((name, listen))
    yield calls
    for name, listen in listeners:
        getattr(hooks, name).remove(listen)
