"""kill -9 in the middle of a first sync: the stored graph ends as what the AppView shows, none twice, none missing."""

import random
import time

import pytest
from django.db import connection
from tests.chaos.ground import LONG, PAGE, how_many

from elonara.bluesky.graph import sync
from elonara.bluesky.graph.models import KnownPerson, StoredGraph

PEOPLE, KILLS = how_many("PEOPLE", 10_000, 3_000), how_many("GRAPH_KILLS", 20, 4)
PAGE_SECONDS = 0.1  # as of an AppView on the internet


@pytest.fixture
def crowd(appview):
    """Followers whose every fifth is followed back, and some who are only followed."""
    followers = [f"fan{number}" for number in range(PEOPLE)]
    follows = [*followers[::5], *(f"idol{number}" for number in range(PEOPLE // 20))]
    appview.followers, appview.follows = tuple(followers), tuple(follows)
    appview.known = (set(followers), set(follows))
    appview.seconds = PAGE_SECONDS
    yield appview
    appview.followers, appview.follows, appview.known, appview.seconds = (), (), (frozenset(), frozenset()), 0.0


def test_a_first_sync_that_is_killed_again_and_again(site, crowd, count):
    chance = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")
    site.open(hosts=1)
    member = site.members[0]
    sync.ready(member.pk, site.accounts[0].did)
    row = StoredGraph.objects.get(member=member)

    def read():
        row.refresh_from_db()
        return row.side, row.read, row.state

    kills, places = 0, []
    while kills < KILLS and read()[2] != "done":
        before, process = read(), site.deliver()
        site.wait(lambda before=before: read() != before, 60, often=0.01)
        time.sleep(chance.uniform(0, 3 * PAGE_SECONDS * PEOPLE / PAGE / KILLS))
        process.kill()
        kills += 1
        places.append(read()[1])
    assert len(set(places)) > 1  # it was in the middle
    process = site.deliver()
    site.wait(lambda: read()[2] == "done", 240 if LONG else 60, often=0.1)
    process.end()
    by_place = KnownPerson.objects.filter(graph=row)
    followers = by_place.filter(follower_position__isnull=False).order_by("follower_position")
    follows = by_place.filter(follow_position__isnull=False).order_by("follow_position")
    assert tuple(followers.values_list("display_name", flat=True)) == tuple(map(str.title, crowd.followers))
    assert tuple(follows.values_list("display_name", flat=True)) == tuple(map(str.title, crowd.follows))
    assert by_place.count() == len({*crowd.followers, *crowd.follows}) == row.known_people
    assert (row.followers, row.follows, row.read) == (
        len(crowd.followers),
        len(crowd.follows),
        len(crowd.followers) + len(crowd.follows),
    )
    count(f"{kills} kills in a sync of {PEOPLE} on {connection.vendor}, at {places} people")
