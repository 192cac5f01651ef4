"""The sweep asks about all accounts in one query, and finds of each what a worker of that account finds."""

import random
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from elonara.bluesky.models import AccountLane, PdsHost
from elonara.invitations.models import ON_ITS_WAY, Announcement, Batch, Correction, HostSending, Invitation, State
from elonara.invitations.outbox import delivery, due_times
from elonara.invitations.outbox.queue import next_poll_at

FIRST_LEASES = ("", "machine:1:2", "other:1:2")


@pytest.fixture
def account(make_member, make_event, picnic, clock):
    """Makes an account with some rows in any state, and a lane, a pause or an event that is over."""

    def make(name, dice):
        host = make_member(name, f"did:plc:{name}")
        event = make_event(host) if dice.random() < 0.7 else picnic
        if dice.random() < 0.2:
            event.starts_at = clock.now() - timedelta(hours=3, minutes=1)
            event.save()
        if dice.random() < 0.3:
            HostSending.objects.create(host=host, paused_at=clock.now() if dice.random() < 0.5 else None)
        if dice.random() < 0.6:
            times = [None, clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)]
            AccountLane.objects.create(
                author_did=f"did:plc:{name}", owner=dice.choice(FIRST_LEASES), lease_until=dice.choice(times),
                next_at=dice.choice(times), paused_until=dice.choice(times),
            )  # fmt: skip
        batch, announcement = Batch.objects.create(host=host, event=event), None

        def row(model, number, **fields):
            at = clock.now() + timedelta(minutes=dice.randrange(-90, 90))
            return model.objects.create(
                event=event, host=host, author_did=f"did:plc:{name}", rkey=f"3{number:012}", record={"text": "Come"},
                next_attempt_at=at, queued_at=at, ambiguous=dice.random() < 0.2,
                **{"state": dice.choice(State.values)} | fields,
            )  # fmt: skip

        if dice.random() < 0.5:
            announcement = row(Announcement, 99)
        for number in range(dice.randrange(3)):
            update = row(Correction, 200 + number, announcement=announcement, state=State.CANCELLED)
            taken = Correction.objects.filter(host=host, event=event, state__in=ON_ITS_WAY).exists()
            free = [state for state in State.values if not taken or state not in ON_ITS_WAY]
            Correction.objects.filter(pk=update.pk).update(state=dice.choice(free))
        for number in range(dice.randrange(4)):
            row(
                Invitation, number, batch=batch, invitee_did=f"did:plc:{name}{number}", invitee_handle="x.test",
                ref=uuid.uuid4().hex[:20], announcement=announcement, needs_confirmation=dice.random() < 0.3,
            )  # fmt: skip
        return f"did:plc:{name}"

    return make


@pytest.mark.parametrize("seed", range(3))
def test_the_sweep_finds_for_each_account_what_its_own_worker_finds(account, seed, monkeypatch):
    dice = random.Random(seed)
    dids = [account(f"host{seed}x{number}", dice) for number in range(12)]
    if seed:
        PdsHost.objects.create(origin="https://pds.example", paused_until=timezone.now() + timedelta(minutes=3))
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)  # both are asked at one moment
    alone = {did: at for did in dids if (at := next_poll_at(did)) is not None}
    assert due_times.poll_times() == alone
    assert alone
    assert list(delivery.sweep()) == [(did, None if at <= moment else at) for did, at in sorted(alone.items())]


def test_the_number_of_queries_does_not_grow_with_the_accounts(account):
    def asked():
        with CaptureQueriesContext(connection) as seen:
            list(delivery.sweep())
        return len(seen)

    dice = random.Random(5)
    account("first", dice)
    few = asked()
    for number in range(9):
        account(f"further{number}", dice)
    assert asked() == few <= 2
    # Also while servers are paused, when the accounts of those servers are looked up.
    PdsHost.objects.create(origin="https://pds.example", paused_until=timezone.now() + timedelta(minutes=3))
    assert asked() <= 4


def test_what_waits_and_what_is_undone_take_turns_by_time(account, agent, picnic, alice, send, clock):
    from elonara.invitations.outbox.queue import DeliveryQueue
    from elonara.locks import lane

    send(picnic, "bob", "carol", "dan", thread=False)
    for minutes, (name, state) in enumerate((("dan", "waiting"), ("bob", "undoing"), ("carol", "waiting"))):
        rows = Invitation.objects.filter(invitee_did=f"did:plc:{name}")
        rows.update(state=state, next_attempt_at=clock.now() - timedelta(minutes=10 - minutes))
    with lane("did:plc:host", owner="test"):
        queue, found = DeliveryQueue("did:plc:host"), []
        while (row := queue.next()) is not None:
            found.append(row.invitee_did.removeprefix("did:plc:"))
            type(row).objects.filter(pk=row.pk).update(state="sent")
    assert found == ["dan", "bob", "carol"]
