"""The stored graph against a real PDS and AppView: what it holds is what they show."""

import time

import pytest
from sandbox import seed_graph

from elonara import jobs
from elonara.bluesky.graph import sync
from elonara.bluesky.graph.listing import FOLLOWERS, FOLLOWS, NEWEST, Wanted, page
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.graph.service import BlueskyGraphService
from elonara.bluesky.models import MemberIdentity

FOLLOWING, FOLLOWED = 500, 120


@pytest.fixture
def account(network):
    """An account of its own with followers, since tests add some and take some away."""
    account = network.create_account()
    network.sync()
    seed_graph.seed(
        network.postgres_url, FOLLOWING, follows=FOLLOWED, actor=account.handle, seed=time.time_ns() % (1 << 30)
    )
    return account


def run_all():
    """Let the job run until nothing is due, as an engine would."""
    while due := jobs.due(sync.JOB_KIND):
        for key in due:
            jobs.run(sync.JOB_KIND, key)


def at_the_appview(member, side):
    """Everybody in a list as the network shows it now, in its order."""
    service, cursor, found = BlueskyGraphService(), None, []
    read = service.get_followers if side == FOLLOWERS else service.get_follows
    while True:
        part = read(member.pk, cursor, 100)
        found += part.people
        cursor = part.cursor
        if not cursor:
            return found


def stored(row, side):
    found, cursor = [], ""
    while True:
        part = page(row, Wanted(source=side, sort=NEWEST, cursor=cursor, limit=100))
        found += part.people
        cursor = part.cursor
        if not cursor:
            return found


def check(member, *, known=True):
    row = StoredGraph.objects.get(member=member)
    for side in (FOLLOWERS, FOLLOWS):
        shown = at_the_appview(member, side)
        kept = stored(row, side)
        assert [person.did for person in kept] == [person.did for person in shown]
        assert [(p.handle, p.display_name, p.avatar) for p in kept] == [
            (p.handle, p.display_name, p.avatar) for p in shown
        ]
        assert {person.known for person in kept} == {known}
        if known:  # an anonymous reader is not told how they and the member are related
            assert [(p.follows_you, p.you_follow) for p in kept] == [(p.follows_you, p.you_follow) for p in shown]
    return row


def test_connecting_stores_what_the_appview_shows(connected, member):
    assert sync.progress(member.pk).state == "running"
    run_all()
    row = check(member)
    assert (row.followers, row.follows, row.mutuals, row.known_people) == (FOLLOWING, FOLLOWED, FOLLOWED, FOLLOWING)
    shown = sync.progress(member.pk)
    assert (shown.state, shown.read, shown.expected, shown.known) == ("done", 620, 620, True)


def test_a_list_that_changes_during_the_sync_is_right_after_the_next_full_pass(connected, member, account, network):
    """Thirty follow and thirty unfollow between two pages."""
    row = StoredGraph.objects.get(member=member)
    jobs.run(sync.JOB_KIND, str(row.pk))  # the first page
    before = at_the_appview(member, FOLLOWERS)
    seed_graph.seed(
        network.postgres_url, 30, follows=0, actor=account.handle, seed=time.time_ns() % (1 << 30), newest=True
    )
    leaving = [person.did for person in before[50:65] + before[300:315]]
    seed_graph.unfollow(network.postgres_url, account.did, leaving)
    run_all()
    row.refresh_from_db()
    assert row.state == "done"
    sync.request(member)
    run_all()
    row = check(member)
    assert row.followers == FOLLOWING
    assert not KnownPerson.objects.filter(did__in=leaving, follows_you=True).exists()


def test_the_newest_followers_are_found_by_few_requests(connected, member, account, network, faults):
    run_all()
    seed_graph.seed(
        network.postgres_url, 120, follows=0, actor=account.handle, seed=time.time_ns() % (1 << 30), newest=True
    )
    StoredGraph.objects.filter(member=member).update(due_at="2020-01-01T00:00:00Z")
    before = len(network.fault_log())
    faults({"match": "app.bsky.graph.", "kind": "delay-before", "ms": 1, "times": 100})
    run_all()
    assert len(network.fault_log()) - before == 3 + 1  # pages of followers until one is wholly known, and of follows
    check(member)


def test_without_permission_the_public_appview_shows_people_to_look_at(connected, member):
    MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked")
    run_all()
    row = check(member, known=False)
    assert not sync.progress(member.pk).known
    assert (row.followers, row.follows, row.mutuals) == (FOLLOWING, FOLLOWED, FOLLOWED)


@pytest.mark.promise("disconnect")
def test_disconnecting_deletes_the_stored_graph(connected, member, service):
    run_all()
    service.disconnect(member)
    assert sync.progress(member.pk).state == "none"
    run_all()
    assert not KnownPerson.objects.exists()
    assert not StoredGraph.objects.exists()
