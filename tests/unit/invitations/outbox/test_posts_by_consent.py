"""Sending in legacy mode for a host whose server knows no app passwords: preview, Send, delivery, retry and undo."""

import pytest
from tests.fakes.bluesky import Bluesky

from elonara import jobs
from elonara.bluesky import hooks, network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.models import MemberIdentity
from elonara.invitations import actions, queries
from elonara.invitations.models import HostSending, State, Voice
from elonara.members.models import Notice
from elonara.options import Relay


@pytest.fixture
def agent(site):
    """None: the factory makes the real agents."""


@pytest.fixture
def world(site, clock, set_options):
    set_options(bluesky={"plc_url": "https://plc.example"})
    found = Bluesky(lambda: clock.now().timestamp())
    with network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def account(world, alice):
    """Alice's account, at a server that opens everything with an app password, as it has shown."""
    MemberIdentity.objects.all().delete()
    alice.refresh_from_db()
    found = world.account("alice.example.com")
    world.server.jwks = BlueskyOAuthService().jwks()
    service = BlueskyOAuthService()
    url = service.begin("connect", found.handle, member=alice, browser="hers", confirmed=True)
    service.finish(world.server.approve(url, found.did), browser="hers")
    world.pds.app_passwords = "full"
    with pytest.raises(app_passwords.AppPasswordRefused):
        app_passwords.connect(alice, "", found.app_password)
    return found


def schemes(world):
    requests = [one for name in ("createRecord", "deleteRecord") for one in world.sent(name)]
    return {one.headers["authorization"].partition(" ")[0] for one in requests}


def test_without_consent_her_posts_wait_and_go_once_she_consents(world, account, alice, send, picnic, row, clock):
    preview = actions.preview(alice, picnic, ["did:plc:bob"])
    assert (preview.readiness.can_post, preview.readiness.backend) == (False, "")
    assert (preview.readiness.reason, preview.readiness.action) == ("no_app_passwords", "consent")
    send(picnic, "bob")
    jobs.drain()
    assert (row("bob").state, row("bob").reason) == (State.WAITING, "no_app_passwords")
    view = queries.progress(picnic, alice).rows[0]
    assert view.needs_host
    assert "compose" in view.can  # the ready text
    oauth_posting.consent(alice, account.did)
    preview = actions.preview(alice, picnic, ["did:plc:carol"])
    assert (preview.readiness.can_post, preview.readiness.backend) == (True, "oauth")
    assert preview.readiness.author_did == account.did
    jobs.drain()
    assert row("bob").state == State.SENT
    assert schemes(world) == {"DPoP"}
    assert {did for did, _, _ in world.pds.records} == {account.did}
    assert not Notice.objects.filter(member=alice, kind="sending", dismissed_at=None).exists()


def test_withdrawn_in_mid_flight_what_is_left_waits_and_is_sent_once_when_she_consents_again(
    world, account, alice, send, picnic, row, clock
):
    oauth_posting.consent(alice, account.did)
    serve, after = world.origins["https://pds.example"], []

    def withdrawing(request):
        response = serve(request)
        if request.path.endswith("createRecord") and response.status == 200:
            after.append(request)
            oauth_posting.withdraw(alice)
        return response

    world.origins["https://pds.example"] = withdrawing
    send(picnic, "bob", "carol", "dan", thread=False)
    jobs.drain()
    states = {name: row(name).state for name in ("bob", "carol", "dan")}
    assert sorted(states.values()) == [State.SENT, State.WAITING, State.WAITING]
    assert {row(name).reason for name, state in states.items() if state == State.WAITING} == {"no_app_passwords"}
    assert len(after) == len(world.pds.records) == 1
    world.origins["https://pds.example"] = serve
    oauth_posting.consent(alice, account.did)
    jobs.drain()
    assert {row(name).state for name in ("bob", "carol", "dan")} == {State.SENT}
    assert len(world.pds.records) == 3


def test_an_undo_goes_by_oauth_and_waits_after_she_withdrew(world, account, alice, send, picnic, row, clock):
    oauth_posting.consent(alice, account.did)
    send(picnic, "bob", "carol", thread=False)
    jobs.drain()
    actions.undo(row("bob"), alice)
    jobs.drain()
    clock.pass_(minutes=6)
    jobs.drain()
    assert row("bob").state == State.UNDONE
    oauth_posting.withdraw(alice)
    actions.undo(row("carol"), alice)
    jobs.drain()
    assert (row("carol").state, row("carol").reason) == (State.UNDOING, "no_app_passwords")
    assert len(world.pds.records) == 1
    world.pds.records.clear()  # she deletes it herself
    clock.pass_(hours=2)
    jobs.drain()
    oauth_posting.consent(alice, account.did)
    clock.pass_(minutes=10)
    jobs.drain()
    assert row("carol").state == State.UNDONE


def test_an_unknown_outcome_is_settled_without_her_consent(world, account, alice, send, picnic, row, clock):
    oauth_posting.consent(alice, account.did)
    world.moods["createRecord"].append("lost")
    send(picnic, "bob", thread=False)
    jobs.drain()
    assert row("bob").ambiguous
    oauth_posting.withdraw(alice)
    clock.pass_(minutes=2)
    jobs.drain()
    assert row("bob").state == State.SENT
    assert len(world.pds.records) == 1


def test_the_site_s_own_account_takes_over_only_after_she_confirms(
    world, account, alice, send, picnic, row, clock, set_options
):
    relay = world.account("site.example.com")
    world.pds.always_scoped = {relay.did}
    set_options(bluesky={"relay": Relay(identifier=relay.handle, app_password=relay.app_password, audience="all")})
    HostSending.objects.create(host=alice, relay_approved=True)
    oauth_posting.consent(alice, account.did)
    send(picnic, "bob", thread=False)
    assert (row("bob").author_did, row("bob").voice) == (account.did, Voice.HOST)
    world.revoke_sessions()
    MemberIdentity.objects.update(bsky_token_expires_at=None)
    jobs.drain()
    # Her session has ended: it waits for her, and does not go from the site's account.
    assert (row("bob").state, row("bob").author_did) == (State.WAITING, account.did)
    oauth_posting.withdraw(alice)
    hooks.on_ready.fire(alice.pk, account.did)
    jobs.drain()
    assert (row("bob").author_did, row("bob").needs_confirmation) == (relay.did, True)
    assert world.pds.records == {}
    assert schemes(world) <= {"DPoP"}
