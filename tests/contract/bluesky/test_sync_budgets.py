"""Synchronizing at a PDS that counts requests: inviting goes first, and nobody is refused."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from sandbox import seed_graph
from tests.networks import started

from elonara import jobs
from elonara.bluesky import rate_budgets
from elonara.bluesky.graph import sync
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.models import PdsHost
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

FOLLOWERS = 3000  # of each host: thirty pages


@pytest.fixture(scope="module")
def network():
    """With the rate limits of the PDS: 3,000 requests in five minutes, by address."""
    yield from started(rate_limits=True, accounts=["alice"])


def limits(client):
    """How many requests the PDS still answers, and of how many."""
    head = client.get("/xrpc/com.atproto.server.describeServer").headers
    return int(head["ratelimit-remaining"]), int(head["ratelimit-limit"])


def run(key):
    try:
        at = timezone.now()
        while at is not None and at <= timezone.now():
            at = jobs.run(sync.JOB_KIND, key)
            if at is not None and timezone.now() < at < timezone.now() + sync.FIRST_BACKOFF:
                time.sleep((at - timezone.now()).total_seconds())  # for a place
                at = timezone.now()
    finally:
        connection.close()


def test_three_first_syncs_leave_half_of_the_limit_and_delay_no_post(site, network, connect, make_member):
    members = []
    for _ in range(3):
        account, member = network.create_account(), make_member()
        network.sync()
        seed_graph.seed(
            network.postgres_url, FOLLOWERS, follows=0, actor=account.handle, seed=time.time_ns() % (1 << 30)
        )
        connect(member, account)
        members.append((member, account))
    with network.client() as client:
        client.base_url = network.pds
        left, limit = limits(client)
        while left > limit / 2 + 60:  # others have used a part of it already
            left, limit = limits(client)
        keys = [str(StoredGraph.objects.get(member=member).pk) for member, _ in members]
        syncs = [threading.Thread(target=run, args=(key,)) for key in keys]
        for thread in syncs:
            thread.start()
        agent, waits, lowest = OAuthBlueskyAgent(), [], left
        while any(thread.is_alive() for thread in syncs):
            began = time.monotonic()
            result = agent.create_post_for_member(members[0][0].pk, {"text": "You're invited", "langs": ["en"]})
            waits.append(time.monotonic() - began)
            assert result.success, result
            time.sleep(0.3)
        for thread in syncs:
            thread.join()
        left, limit = limits(client)
        # The posts and this question count too; a post of a session takes one request, its date or nonce perhaps two.
        lowest = left + 2 * len(waits) + 1
    rows = StoredGraph.objects.filter(pk__in=keys)
    assert {(row.state, row.reason) for row in rows} == {("running", "resting")}
    assert all(timezone.now() < row.due_at <= timezone.now() + timedelta(minutes=5) for row in rows)
    assert sum(row.read for row in rows) > 1000
    assert lowest >= limit / 2
    assert max(waits) < 5
    assert not PdsHost.objects.exists()
    assert rate_budgets.paused_until(members[0][1].did) is None
