"""kill -9 at random moments while 8 accounts deliver: the post of every invitation exists exactly once."""

import random
import time

import pytest
from django.utils import timezone
from tests.chaos.ground import LONG, how_many

from elonara.bluesky.models import MemberIdentity

INVITATIONS, KILLS = how_many("INVITATIONS", 2000, 48), how_many("KILLS", 100, 6)
# Late responses and late writes, so that some land while the process that sent them is killed, and some afterwards.
SLOW = [
    {"match": "com.atproto.repo.createRecord", "kind": "delay-before", "ms": 600, "rate": 0.25},
    {"match": "com.atproto.repo.createRecord", "kind": "delay-after", "ms": 250, "rate": 0.7},
]
# A process killed during a token refresh holds the lease of that session for another minute; others retry after that.
STUCK = 900 if LONG else 60  # seconds
LONGEST_DELIVERY = 1.6 if LONG else 0.8  # seconds from the first progress until the kill, at most


@pytest.fixture
def chance(count):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)


def kill_while_it_works(site, process, chance):
    """Kill it at a random moment of its work; whether anything was left to do."""
    began = site.attempts()
    site.wait(lambda: site.attempts() > began or not site.under_way() or not process.running, STUCK, often=0.01)
    assert process.running, site.words()
    time.sleep(chance.uniform(0, LONGEST_DELIVERY))
    left = site.under_way()
    process.kill()
    print(f"{time.strftime('%X')} killed, {left} posts to go, {site.reauthorized} sessions were lost", flush=True)
    return bool(left)


@pytest.mark.promise("one-post")
@pytest.mark.sqlite_only
def test_one_process_on_sqlite(site, network, chance, count):
    site.open()
    site.invite(INVITATIONS // 8)
    network.faults(SLOW)
    if LONG:
        # Short-lived tokens, so that some kills hit between the rotation of a refresh token and our commit.
        network.token_max_age(45)
        MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    kills = 0
    while kills < KILLS and kill_while_it_works(site, site.serve(), chance):
        kills += 1
        if LONG:
            site.reauthorize()
    network.faults([])
    process = site.serve()
    site.finish(1500 if LONG else 60)
    process.end()
    tally = site.tally()
    count(f"{kills} kills, {site.reauthorized} sessions reauthorized; {tally}")
    assert tally.right, tally
    assert tally.once == INVITATIONS
    assert kills >= KILLS * 0.5


@pytest.mark.postgres_only
def test_three_workers_on_postgresql(site, network, chance, count):
    site.open()
    site.invite(INVITATIONS // 8)
    network.faults(SLOW)
    if LONG:
        # Short-lived tokens, so that some kills hit between the rotation of a refresh token and our commit.
        network.token_max_age(45)
        MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    workers = [site.work() for _ in range(3)]
    kills, gone = 0, False
    while kills < KILLS:
        place = chance.randrange(len(workers))
        if not kill_while_it_works(site, workers[place], chance):
            break
        kills += 1
        if kills >= KILLS // 2 and not gone:
            gone = True  # this worker is not started again
            del workers[place]
        else:
            workers[place] = site.work()
        if LONG:
            site.reauthorize()
    network.faults([])
    site.finish(1500 if LONG else 90)
    for worker in workers:
        if worker.running:
            worker.end()
    tally = site.tally()
    count(f"{kills} kills, {site.reauthorized} sessions reauthorized; {tally}")
    assert tally.right, tally
    assert tally.once == INVITATIONS
    assert kills >= KILLS * 0.5
