"""A PDS that loses responses, writes late, fails and rate-limits: every post exists once, and no undone one exists."""

import contextlib
import random
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.chaos.ground import LONG, engine_here, how_many, on_both_if_long

from elonara.bluesky.models import AccountLane, DpopNonce
from elonara.engines.embedded import EmbeddedEngine
from elonara.invitations import actions
from elonara.invitations.models import Invitation, State
from elonara.invitations.outbox.timing import LATE_WRITE_WINDOW

CREATE, DELETE, READ = (f"com.atproto.repo.{name}" for name in ("createRecord", "deleteRecord", "getRecord"))
INVITATIONS = how_many("INVITATIONS", 800, 32)
LATE_MS = 21_500  # beyond the request's timeout of 20 s: the write lands after the next read of its record key


def too_many(seconds):
    """A 429 response of a PDS whose limit resets in so many seconds."""
    headers = {
        "ratelimit-limit": "5000",
        "ratelimit-remaining": "0",
        "ratelimit-reset": str(int(time.time()) + seconds),
        "ratelimit-policy": "5000;w=3600",
        "retry-after": str(seconds),
    }
    body = {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}
    return {"kind": "status", "status": 429, "headers": headers, "body": body}


def new_nonce():
    """The `use_dpop_nonce` error of a PDS (RFC 9449, section 9), with a nonce that the PDS accepts."""
    nonce = DpopNonce.objects.order_by("-seen_at").values_list("nonce", flat=True).first() or "none-yet"
    headers = {"dpop-nonce": nonce, "www-authenticate": 'DPoP error="use_dpop_nonce"'}
    body = {"error": "use_dpop_nonce", "message": "Resource server requires nonce in DPoP proof"}
    return {"kind": "status", "status": 401, "headers": headers, "body": body}


def everything(times):
    """Every kind of fault, scaled by `times`."""
    create = [
        {"kind": "drop-after"},
        {"kind": "drop-before"},
        *({"kind": "status", "status": status} for status in (500, 502, 503)),
        new_nonce(),
        too_many(4),
        {"kind": "delay-after", "ms": 700},
        {"kind": "delay-before", "ms": 700},
    ]
    faults = [{"match": CREATE, "rate": 0.08, "times": 2 * times, **one} for one in create]
    faults.append(
        {"match": CREATE, "rate": 0.08, "times": 1 if times == 1 else 3, "kind": "delay-before", "ms": LATE_MS}
    )
    for match in (DELETE, READ):
        faults.append({"match": match, "rate": 0.1, "times": times, "kind": "drop-after"})
        faults.append({"match": match, "rate": 0.1, "times": times, "kind": "status", "status": 502})
    return faults


@pytest.fixture
def clock(monkeypatch):
    """Setting `clock.ahead` moves Django's clock forward in this process; the servers' clocks stay right."""

    class Clock:
        ahead = timedelta()

    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + Clock.ahead)
    return Clock


def meddle(chance, by_host):
    """What hosts do meanwhile: undo or cancel a random invitation."""
    row = chance.choice(list(Invitation.objects.filter(state__in=(State.SENT, State.QUEUED, State.SENDING))) or [None])
    if row is None:
        return
    host = by_host[row.host_id]
    with contextlib.suppress(actions.InvitationRefused):
        if row.state == State.SENT or chance.random() < 0.5:
            actions.undo(row, host)
        else:
            actions.cancel(row, host)


@pytest.mark.promise("one-post")
@on_both_if_long("sqlite_only")
def test_every_fault_with_undo_and_cancel_mixed_in(site, network, clock, count):
    chance = random.Random(seed := random.randrange(1 << 32))
    site.open()
    site.invite(INVITATIONS // 8)
    by_host = {member.pk: member for member in site.members}
    meddled, rounds, began = 0, 0, time.monotonic()
    with engine_here(EmbeddedEngine(sweep_seconds=1)):
        while Invitation.objects.filter(state__in=(State.QUEUED, State.SENDING)).exists():
            if rounds % 200 == 0 and (LONG or not rounds):
                network.faults(everything(6 if LONG else 1))
            if rounds % 3 == 0 and meddled < INVITATIONS // 4:
                meddle(chance, by_host)
                meddled += 1
            rounds += 1
            assert rounds < 20_000, site.words()
            site.reauthorize()
            site.remember_people()
            time.sleep(0.2)
            if rounds > (3000 if LONG else 50):
                network.faults([])
            if not LONG and time.monotonic() > began + 24:
                # Rows whose write certainly failed are retried after a minute.
                clock.ahead = timedelta(seconds=75)
        if not Invitation.objects.filter(state__in=(State.UNDOING, State.UNDONE)).exists():  # chance has chosen none
            row = Invitation.objects.filter(state=State.SENT).first()
            actions.undo(row, by_host[row.host_id])
        done = len(network.fault_log())
        network.faults([])
        if not LONG:
            # What is taken back counts its time from its first delete, which must not begin behind the jump below.
            waiting = Invitation.objects.filter(state=State.UNDOING, undo_settled_at=None)
            site.wait(lambda: not waiting.exists(), meanwhile=site.reauthorize)
            # Late writes have landed by now, or will before the engine reads their keys for the last time.
            time.sleep(0.8)
            # What began after the jump above has its window from there.
            clock.ahead += LATE_WRITE_WINDOW + timedelta(seconds=5)
        site.finish(900 if LONG else 60)
    tally = site.tally()
    count(f"{done} faults (seed {seed}), {meddled} undone or cancelled; {tally}")
    assert tally.right, tally
    assert tally.states.get(State.UNDONE)
    assert not {State.FAILED, State.WAITING} & set(tally.states), tally
    assert done > 5


@on_both_if_long("sqlite_only")
def test_a_429_pauses_only_that_account(site, network, count):
    site.open(3)
    site.invite(3)
    network.faults([{"match": CREATE, "times": 1, **too_many(6)}])
    with engine_here(EmbeddedEngine(sweep_seconds=1)):
        site.wait(lambda: Invitation.objects.filter(state=State.SENT).count() == 6, 20)
        paused = AccountLane.objects.filter(paused_until__gt=timezone.now())
        assert [lane.pause_reason for lane in paused] == ["rate_limited"]
        assert not Invitation.objects.filter(author_did=paused[0].author_did, state=State.SENT).exists()
        site.finish(30)
    tally = site.tally()
    count(str(tally))
    assert tally.right, tally
    assert tally.once == 9
