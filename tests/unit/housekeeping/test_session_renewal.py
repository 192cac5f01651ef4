"""A host who connected weeks ago can still post: idle sessions are refreshed periodically."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.atproto.errors import NetworkError
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.sealed_columns import sealed_columns, unsealed
from elonara.housekeeping import session_renewal


def idle(identity, **ago):
    MemberIdentity.objects.filter(pk=identity.pk).update(bsky_token_expires_at=timezone.now() - timedelta(**ago))


@pytest.fixture
def row(connected):
    return MemberIdentity.objects.get()


def test_an_idle_session_is_refreshed_and_alive(row, server):
    idle(row, days=21)
    assert session_renewal.renew_idle() == 1
    row.refresh_from_db()
    assert row.state == MemberIdentity.State.ACTIVE
    assert row.bsky_token_expires_at > timezone.now()
    assert [session.alive for session in server.sessions] == [True]
    assert session_renewal.renew_idle() == 0


def test_a_session_in_use_is_left_alone(row, server):
    idle(row, days=6)
    before = len(server.network.sent("/token"))
    assert session_renewal.renew_idle() == 0
    assert len(server.network.sent("/token")) == before


def test_a_session_that_the_server_ended_needs_its_member_and_the_others_go_on(
    connect, make_member, server, hook_calls
):
    from tests.fakes.oauth import ALICE, BOB

    alice, bob = make_member(), make_member()
    connect(alice, ALICE)
    connect(bob, BOB)
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() - timedelta(days=30))
    next(session for session in server.sessions if session.did == ALICE).alive = False
    assert session_renewal.renew_idle() == 1
    states = dict(MemberIdentity.objects.values_list("bsky_did", "state"))
    assert states == {ALICE: "needs_reauth", BOB: "active"}
    assert ("on_needs_member", alice.pk, ALICE) in hook_calls


def test_an_unavailable_server_costs_nobody_a_session(row, server, clock):
    idle(row, days=30)
    server.token_status = 503
    assert session_renewal.renew_idle() == 0
    row.refresh_from_db()
    assert row.state == MemberIdentity.State.ACTIVE
    server.token_status = None
    clock.pass_(days=2)
    assert session_renewal.renew_idle() == 1


SEALED = ("bsky_access_token_enc", "bsky_refresh_token_enc", "dpop_key_enc")


@pytest.fixture
def stranded(row, make_member):
    """Makes members whose sessions have been idle for longer than alice's, at servers that no longer exist."""

    def make(*issuers):
        values = {name: unsealed(row, name).reveal() for name in SEALED}
        for number, issuer in enumerate(issuers):
            one = MemberIdentity(
                member=make_member(), bsky_did=f"did:plc:stranded{number}", bsky_handle=f"s{number}.example",
                issuer=issuer, pds_url=issuer, client_id=row.client_id, state=MemberIdentity.State.ACTIVE,
                state_reason="", bsky_token_expires_at=timezone.now() - timedelta(days=40),
            )  # fmt: skip
            for name, text in sealed_columns(one, values).items():
                setattr(one, name, text)
            one.save(force_insert=True)

    idle(row, days=21)
    return make


def test_sessions_that_cannot_be_refreshed_do_not_block_others(row, stranded, server, clock, monkeypatch):
    monkeypatch.setattr(session_renewal, "MAX_ATTEMPTS", 3)
    stranded(*(f"https://gone{number}.example" for number in range(3)))
    assert session_renewal.renew_idle() == 0
    clock.pass_(hours=1)
    asked = len(server.network.requests)
    assert session_renewal.renew_idle() == 1
    assert not [request for request in server.network.requests[asked:] if "gone" in request.url]
    clock.pass_(days=2)
    assert session_renewal.renew_idle() == 0
    assert [request for request in server.network.requests[asked:] if "gone" in request.url]


def test_an_unreachable_server_is_asked_once_in_a_run(row, stranded, server):
    stranded(*["https://gone.example"] * 5)
    assert session_renewal.renew_idle() == 1
    assert len(server.network.sent("gone.example")) == 1
    assert MemberIdentity.objects.exclude(renew_due_at=None).count() == 5


def test_slow_oauth_servers_leave_app_passwords_their_own_time(stranded, server, pds, clock, make_member):
    def slow(request):
        clock.pass_(minutes=5)
        raise NetworkError("no answer", ambiguous=False)

    server.network.origins["https://slow.example"] = slow
    stranded("https://slow.example")
    zoe = pds.create_account("zoe.example.com")
    server.network.person(zoe.did, zoe.handle, pds.url)
    session = AppPasswordSession(did=zoe.did, handle=zoe.handle, member=make_member(), pds_url=pds.url)
    session.app_password_enc = sealed_columns(session, {"app_password_enc": zoe.app_password})["app_password_enc"]
    session.access_expires_at = timezone.now() - timedelta(days=8)
    session.save(force_insert=True)
    session_renewal.renew_idle()
    session.refresh_from_db()
    assert session.access_expires_at > timezone.now()
