"""A host who connected weeks ago can still post: idle sessions are renewed by themselves."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.housekeeping import renewing


def idle(identity, **ago):
    MemberIdentity.objects.filter(pk=identity.pk).update(bsky_token_expires_at=timezone.now() - timedelta(**ago))


@pytest.fixture
def row(connected):
    return MemberIdentity.objects.get()


def test_an_idle_session_is_renewed_and_its_new_token_works(row, server):
    idle(row, days=21)
    assert renewing.renew_idle() == 1
    row.refresh_from_db()
    assert row.state == MemberIdentity.State.ACTIVE
    assert row.bsky_token_expires_at > timezone.now()
    assert [session.alive for session in server.sessions] == [True]
    assert renewing.renew_idle() == 0


def test_a_session_in_use_is_left_alone(row, server):
    idle(row, days=6)
    before = len(server.network.sent("/token"))
    assert renewing.renew_idle() == 0
    assert len(server.network.sent("/token")) == before


def test_a_session_that_the_server_ended_needs_its_member_and_the_others_go_on(connect, make_member, server, told):
    from tests.fakes.oauth import ALICE, BOB

    alice, bob = make_member(), make_member()
    connect(alice, ALICE)
    connect(bob, BOB)
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() - timedelta(days=30))
    next(session for session in server.sessions if session.did == ALICE).alive = False
    assert renewing.renew_idle() == 1
    states = dict(MemberIdentity.objects.values_list("bsky_did", "state"))
    assert states == {ALICE: "needs_reauth", BOB: "active"}
    assert ("on_needs_member", alice.pk, ALICE) in told


def test_a_server_that_is_away_costs_nobody_a_session(row, server):
    idle(row, days=30)
    server.token_status = 503
    assert renewing.renew_idle() == 0
    row.refresh_from_db()
    assert row.state == MemberIdentity.State.ACTIVE
    server.token_status = None
    assert renewing.renew_idle() == 1
