"""Refresh tokens can be used once: many processes that refresh one session, a lost response, a changed client id."""

import hashlib
import subprocess
import sys
import time

import pytest
from django.utils import timezone
from tests.chaos.ground import engine_here, how_many, on_both_if_long

from elonara.bluesky import network as site_network
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.engines.embedded import EmbeddedEngine
from elonara.housekeeping.models import Worker
from elonara.invitations.models import Invitation, State
from elonara.members.models import Notice

PROCESSES, ROUNDS = 8, how_many("ROUNDS", 200, 5)
TOKENS = "/oauth/token"
REFRESHER = """
import hashlib, sys
import django
django.setup()
from elonara.bluesky.oauth import sessions
from elonara.bluesky.models import MemberIdentity
identity = MemberIdentity.objects.get()
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(hashlib.sha256(sessions.fresh_token(identity.pk).encode()).hexdigest(), flush=True)
    except Exception as fault:
        print(repr(fault), flush=True)
"""


@pytest.mark.promise("refresh-once")
@on_both_if_long("postgres_only")
def test_eight_processes_refresh_one_session(site, network, count):
    site.open(1)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = site.environment()
    processes = [
        subprocess.Popen([sys.executable, "-c", REFRESHER], env=environment, **pipes) for _ in range(PROCESSES)
    ]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * PROCESSES
        seen = set()
        for _ in range(ROUNDS):
            MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
            tokens = {process.stdout.readline() for process in processes}
            assert len(tokens) == 1, tokens
            seen |= tokens
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    identity = MemberIdentity.objects.get()
    assert len(seen) == ROUNDS
    assert identity.state == "active"
    pds_url, auth = oauth_sessions.authorizer(identity)
    who = site_network.xrpc().query(pds_url, "com.atproto.server.getSession", auth=auth)
    assert who["did"] == identity.bsky_did
    token = oauth_sessions.fresh_token(identity.pk)
    assert hashlib.sha256(token.encode()).hexdigest() + "\n" in seen
    count(f"{PROCESSES} processes, {ROUNDS} rounds: {len(seen)} tokens, no replay, the session is alive")


@on_both_if_long("postgres_only")
def test_a_refresh_whose_answer_is_lost_makes_the_posts_wait_for_the_host(site, network, count):
    site.open(1)
    site.invite(3)
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    before = len(network.fault_log())
    # The first response is lost; later requests are delayed by 1 ms, so that the log of faults counts them.
    lost = {"match": TOKENS, "kind": "drop-after", "times": 1}
    network.faults([lost, {"match": TOKENS, "kind": "delay-after", "ms": 1}])
    with engine_here(EmbeddedEngine(sweep_seconds=0.5)):
        # `hurry` saves the minute after which the engine would retry by itself.
        site.wait(lambda: waiting() or hurry(), 30, often=0.3)
        time.sleep(2)
        asked = len(network.fault_log()) - before
        assert MemberIdentity.objects.get().state_reason == "refresh_lost"
        assert 2 <= asked <= 4
        assert waiting()
        network.faults([])
        site.reauthorize()
        site.finish(60)
    tally = site.tally()
    count(f"{asked} requests to the token endpoint, then none; after Reauthorize: {tally}")
    assert tally.right, tally
    assert tally.once == 3


@on_both_if_long("sqlite_only")
def test_sessions_outlive_a_wrong_address_and_end_only_by_the_command_that_says_how_many(site, count):
    site.open(2)
    site.invite(1)
    process = site.serve(ELONARA_SITE__URL="https://events.example.org")
    site.wait(lambda: "2 Bluesky sessions were made under another address" in process.log.read_text())
    site.wait(Worker.objects.exists)  # it has looked for work
    assert not site.lost()
    refused = site.refused("reauthorize", "--moved", ELONARA_SITE__URL="https://events.example.org")
    assert "2 Bluesky sessions were" in refused
    assert "--yes" in refused
    assert not site.lost()
    site.command("reauthorize", "--moved", "--yes", ELONARA_SITE__URL="https://events.example.org")
    assert {identity.state_reason for identity in site.lost()} == {"client_changed"}
    assert Notice.objects.count() == 2
    assert Invitation.objects.filter(state=State.QUEUED).count() == 2
    count(f"{len(site.lost())} sessions ended once the operator said so, and not before")


def waiting():
    return Invitation.objects.filter(state=State.WAITING).count() == 3


def hurry():
    """Make postponed rows due now; the engine sweeps twice a second."""
    for model in (Invitation, Invitation.announcement.field.related_model):
        model.objects.filter(state=State.QUEUED).update(next_attempt_at=timezone.now())
