"""A takedown that is lifted again: what waits for it goes on by itself, and nothing was thrown away."""

import pytest
from django.utils import timezone
from sandbox.migration import take_down

from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.invitations import actions, queries
from elonara.invitations.consent import spam_labels
from elonara.invitations.models import HostSending, Invitation, State

both_modes = pytest.mark.parametrize("mode", ["legacy", "oauth"])


@pytest.fixture
def down(network, account):
    """`down(True)` takes the host's account down, `down(False)` lifts that."""

    def go(applied):
        take_down(network, account.did, applied=applied)
        network.sync()
        spam_labels.forget_labels()

    yield go
    go(False)


def expire_tokens():
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    AppPasswordSession.objects.update(access_expires_at=timezone.now())


@both_modes
@pytest.mark.parametrize("tokens", ["fresh", "expired"])
def test_rows_wait_as_taken_down_and_nothing_is_dropped(
    mode, tokens, host, friend, make_event, deliver, posts_at, down, stored, reauthorize, network, clock
):
    event = make_event()
    actions.invite(host, event, [friend.did], thread=False)
    down(True)
    if tokens == "expired":
        expire_tokens()
    before = stored()
    for _ in range(3):
        deliver()
        clock.pass_(hours=2)
    row = Invitation.objects.get()
    assert (row.state, row.reason) in {(State.WAITING, "account_takendown"), (State.QUEUED, "account_takendown")}
    assert (stored().state, stored().state_reason) == ("active", "")
    if mode == "legacy":
        assert stored().app_password_enc == before.app_password_enc
    assert not HostSending.objects.filter(host=host).exclude(paused_at=None).exists()
    progress = str(queries.progress(event, host))
    assert "spam" not in progress
    assert "ctivate" not in progress

    down(False)
    clock.pass_(hours=2)
    deliver()
    # This PDS has thrown its OAuth sessions away: blocks cannot be read before the host has consented again.
    if Invitation.objects.get().state != State.SENT:
        reauthorize(host)
        deliver()
    assert Invitation.objects.get().state == State.SENT
    assert posts_at(network.pds) == [row.rkey]
