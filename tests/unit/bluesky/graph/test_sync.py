"""The stored graph becomes what Bluesky shows: first, later, after a kill, when people come, go and change."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.graph import FakeGraph, somebody, stored

from elonara import jobs
from elonara.bluesky import hooks
from elonara.bluesky.graph import search_index, sync
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.listing import FOLLOWERS, FOLLOWS, NEWEST, Wanted, page
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.models import MemberIdentity

DID = "did:plc:host"


def crowd(number, prefix="p", **fields):
    return [somebody(f"{prefix}{n}", **fields) for n in range(number)]


@pytest.fixture
def graph():
    fake = FakeGraph()
    with graph_service.use(fake):
        yield fake


@pytest.fixture
def host(member):
    """A member whose session was just stored."""
    MemberIdentity.objects.create(
        member=member, bsky_did=DID, bsky_handle="host.example", state=MemberIdentity.State.ACTIVE, state_reason=""
    )
    return member


def connect(host):
    hooks.on_ready.fire(host.pk, DID)
    return StoredGraph.objects.get(member=host)


def run_all():
    """Let the job run until nothing is due."""
    while due := jobs.due(sync.JOB_KIND):
        for key in due:
            jobs.run(sync.JOB_KIND, key)


def listed(row, source, sort=NEWEST):
    """Everybody in a list, in its order, by name."""
    found, cursor = [], ""
    while True:
        part = page(row, Wanted(source=source, sort=sort, cursor=cursor, limit=100))
        found += [person.did.removeprefix("did:plc:") for person in part.people]
        cursor = part.cursor
        if not cursor:
            return found


def names(people):
    return [person.did.removeprefix("did:plc:") for person in people]


def as_shown(fake):
    """The fake's lists, as names."""
    return names(p for p in fake.people if p.follows_you), names(p for p in fake.people if p.you_follow)


def check(row, fake):
    """The stored graph is what Bluesky shows, and the counts are right."""
    row.refresh_from_db()
    followers, follows = as_shown(fake)
    assert listed(row, FOLLOWERS) == followers
    assert listed(row, FOLLOWS) == follows
    mutual = set(followers) & set(follows)
    assert (row.followers, row.follows, row.mutuals) == (len(followers), len(follows), len(mutual))
    assert row.known_people == len(set(followers) | set(follows))
    for person in KnownPerson.objects.filter(graph=row):
        people_class = search_index.people_class(follows_you=person.follows_you, you_follow=person.you_follow)
        assert person.rank == search_index.rank(row.pk, people_class, person.serial)


def test_connecting_reads_everybody(host, graph):
    graph.people = crowd(250) + crowd(120, "fan", you_follow=False) + crowd(90, "idol", follows_you=False)
    row = connect(host)
    run_all()
    check(row, graph)
    assert row.state == "done"
    assert row.full_read_at
    shown = sync.progress(host.pk)
    assert (shown.state, shown.people, shown.expected, shown.known) == ("done", 460, 710, True)


def test_after_the_first_run_there_are_people_and_a_progress(host, graph):
    graph.people = crowd(250)
    row = connect(host)
    jobs.run(sync.JOB_KIND, str(row.pk))
    shown = sync.progress(host.pk)
    assert (shown.state, shown.read, shown.people) == ("running", 100, 100)
    assert len(listed(row, FOLLOWERS)) == 100


def test_before_connecting_there_is_no_progress(host, graph):
    assert sync.progress(host.pk).state == "none"


def test_an_app_password_alone_reads_nobody(member, graph):
    hooks.on_ready.fire(member.pk, DID)
    assert not StoredGraph.objects.exists()


def test_the_button_connects_nobody(member, graph):
    with pytest.raises(GraphUnavailable) as refused:
        sync.request(member)
    assert refused.value.reason == "not_connected"


def test_a_later_pass_puts_the_newest_first_and_stops_at_known_people(host, graph, clock):
    graph.people = crowd(350)
    row = connect(host)
    run_all()
    graph.people = crowd(230, "new", you_follow=False) + graph.people
    clock.pass_(hours=7)
    graph.pages.clear()
    run_all()
    check(row, graph)
    assert len(graph.pages) == 3 + 1 + 1  # followers: two of new ones and some known, one known; follows: one known
    assert KnownPerson.objects.get(did="did:plc:new0").serial < KnownPerson.objects.get(did="did:plc:new229").serial
    assert KnownPerson.objects.get(did="did:plc:new229").serial < KnownPerson.objects.get(did="did:plc:p0").serial


def test_passes_one_after_the_other_keep_the_order(host, graph, clock):
    graph.people = crowd(20)
    row = connect(host)
    run_all()
    for number in range(5):
        graph.people = crowd(number + 1, f"round{number}-", follows_you=number % 2 == 0) + graph.people
        clock.pass_(hours=7)
        run_all()
        check(row, graph)
    serials = list(KnownPerson.objects.order_by("serial").values_list("did", flat=True))
    assert serials[0] == "did:plc:round4-0"


def test_who_left_is_gone_after_the_weekly_pass(host, graph, clock):
    graph.people = crowd(300) + crowd(30, "fan", you_follow=False)
    row = connect(host)
    run_all()
    graph.people = [
        replace(person, follows_you=number % 10 != 0, you_follow=person.you_follow and number % 7 != 0)
        for number, person in enumerate(graph.people)
        if number % 13
    ]
    clock.pass_(hours=7)
    run_all()
    assert len(listed(row, FOLLOWERS)) > len(as_shown(graph)[0])  # the newest page was known: nobody looked further
    clock.pass_(days=8)
    run_all()
    graph.people = [person for person in graph.people if person.follows_you or person.you_follow]
    check(row, graph)
    assert KnownPerson.objects.count() == len(graph.people)


def test_who_left_and_is_on_a_list_or_talked_with_stays_as_a_stranger(host, graph, clock):
    from elonara.bluesky.graph.models import KnownList, KnownListMember

    graph.people = crowd(4)
    row = connect(host)
    run_all()
    KnownPerson.objects.filter(did="did:plc:p1").update(talked=3)
    best = KnownList.objects.create(graph=row, uri="at://list", name="Best", position=0)
    KnownListMember.objects.create(known_list=best, person=KnownPerson.objects.get(did="did:plc:p2"))
    graph.people = graph.people[:1]
    sync.request(host)
    run_all()
    check(row, graph)
    assert set(KnownPerson.objects.values_list("did", flat=True)) == {"did:plc:p0", "did:plc:p1", "did:plc:p2"}


def test_new_names_and_handles_are_stored_by_a_full_pass(host, graph):
    graph.people = crowd(3)
    row = connect(host)
    run_all()
    graph.people[1] = replace(graph.people[1], handle="new.example", display_name="Łukasz", muted=True)
    sync.request(host)
    run_all()
    check(row, graph)
    found = KnownPerson.objects.get(did="did:plc:p1")
    assert (found.handle, found.display_name, found.sort_name, found.muted) == ("new.example", "Łukasz", "lukasz", True)
    assert [person.handle for person in page(row, Wanted(q="luka")).people] == ["new.example"]


def test_people_who_come_back_in_the_middle_of_a_list_get_their_place(host, graph):
    graph.people = crowd(300)
    row = connect(host)
    run_all()
    for at in (5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 150, 299):
        graph.people.insert(at, somebody(f"back{len(graph.people)}"))
    sync.request(host)
    run_all()
    check(row, graph)


def test_two_presses_begin_one_pass(host, graph, monkeypatch):
    graph.people = crowd(450)
    row = connect(host)
    run_all()
    monkeypatch.setattr(sync, "SLICE_SECONDS", 0.0)
    assert sync.request(host).state == "running"
    jobs.run(sync.JOB_KIND, str(row.pk))
    row.refresh_from_db()
    before = (row.pass_number, row.read)
    assert sync.request(host).state == "running"
    row.refresh_from_db()
    assert before == (row.pass_number, row.read) == (2, row.read)
    run_all()
    check(row, graph)


def test_pages_can_be_short_or_empty_and_lists_move_while_they_are_read(host, graph):
    graph.people = crowd(120)
    graph.sparse = True
    row = connect(host)
    run_all()
    check(row, graph)


def test_a_refused_cursor_begins_that_list_again(host, graph, clock):
    graph.people = crowd(350)
    row = connect(host)
    jobs.run(sync.JOB_KIND, str(row.pk))
    StoredGraph.objects.update(cursor="nonsense")
    run_all()
    assert sync.progress(host.pk).state == "running"
    clock.pass_(minutes=1)
    run_all()
    check(row, graph)


def test_a_refused_cursor_of_a_later_pass_makes_it_a_full_one(host, graph, clock):
    graph.people = crowd(350)
    row = connect(host)
    run_all()
    graph.people = crowd(250, "new") + graph.people
    clock.pass_(hours=7)
    graph.refused = {"100"}
    run_all()
    graph.refused = set()
    clock.pass_(minutes=1)
    run_all()
    check(row, graph)


def test_faults_wait_longer_each_time_and_the_pass_goes_on_where_it_was(host, graph, clock):
    graph.people = crowd(250)
    row = connect(host)
    jobs.run(sync.JOB_KIND, str(row.pk))
    graph.down = GraphUnavailable("unreachable", "Your server does not answer.")
    waits = []
    for _ in range(4):
        run_all()
        shown = sync.progress(host.pk)
        assert (shown.state, shown.reason, shown.people) == ("failed", "unreachable", 100)
        assert "automatically" in shown.sentence
        waits.append((shown.due_at - timezone.now()).total_seconds())
        clock.now_ = None
        clock.pass_(seconds=waits[-1] + 1)
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    graph.down = None
    graph.pages.clear()
    run_all()
    check(row, graph)
    assert ("followers", None) not in graph.pages


def test_only_the_member_can_help_and_a_new_session_is_noticed_at_once(host, graph):
    graph.people = crowd(3)
    graph.down = GraphUnavailable("account_deactivated", "Your Bluesky account is deactivated.")
    row = connect(host)
    run_all()
    row.refresh_from_db()
    assert row.due_at > timezone.now() + timedelta(hours=5)
    graph.down = None
    connect(host)
    run_all()
    check(row, graph)


def test_without_permission_people_can_be_seen_and_are_known_once_it_is_given(host, graph):
    graph.people = crowd(150) + crowd(30, "fan", you_follow=False)
    graph.known = False
    row = connect(host)
    run_all()
    check(row, graph)
    assert not sync.progress(host.pk).known
    assert not KnownPerson.objects.filter(known=True).exists()
    graph.known = True
    connect(host)
    run_all()
    check(row, graph)
    assert not KnownPerson.objects.filter(known=False).exists()


def test_a_rate_limit_is_left_to_others_until_it_is_reset(host, graph, clock):
    graph.people = crowd(250)
    row = connect(host)
    jobs.run(sync.JOB_KIND, str(row.pk))
    graph.rests_until = timezone.now() + timedelta(minutes=4)
    graph.pages.clear()
    run_all()
    shown = sync.progress(host.pk)
    assert (shown.state, shown.reason, graph.pages) == ("running", "resting", [])
    clock.pass_(minutes=5)
    graph.rests_until = None
    run_all()
    check(row, graph)


def test_a_run_ends_after_a_few_seconds_and_goes_on(host, graph, monkeypatch):
    monkeypatch.setattr(sync, "SLICE_SECONDS", 0.0)
    graph.people = crowd(450)
    row = connect(host)
    runs = 0
    while jobs.due(sync.JOB_KIND):
        jobs.run(sync.JOB_KIND, str(row.pk))
        runs += 1
    check(row, graph)
    assert runs > 5
    assert len(graph.pages) == len(set(graph.pages))  # no page was read twice


def test_members_who_were_connected_before_the_upgrade_get_a_graph(host, graph):
    graph.people = crowd(3)
    assert sync.begin_missing() == 1
    assert sync.begin_missing() == 0
    run_all()
    check(StoredGraph.objects.get(member=host), graph)


def test_another_account_begins_another_graph(host, graph):
    graph.people = crowd(3)
    old = connect(host)
    run_all()
    hooks.on_ready.fire(host.pk, "did:plc:other")
    run_all()
    row = StoredGraph.objects.get(member=host)
    assert row.pk != old.pk
    check(row, graph)
    assert StoredGraph.objects.count() == 1


@pytest.mark.promise("disconnect")
def test_disconnecting_takes_everybody_away_at_once_and_deletes_them(host, graph):
    graph.people = crowd(450)
    row = connect(host)
    run_all()
    hooks.on_disconnect.fire(host.pk, DID)
    assert sync.progress(host.pk).state == "none"
    run_all()
    assert not StoredGraph.objects.filter(pk=row.pk).exists()
    assert not KnownPerson.objects.exists()


def test_disconnecting_in_the_middle_of_a_sync_leaves_nobody(host, graph):
    graph.people = crowd(450)
    row = connect(host)
    jobs.run(sync.JOB_KIND, str(row.pk))
    graph.on_page = lambda: hooks.on_disconnect.fire(host.pk, DID)
    jobs.run(sync.JOB_KIND, str(row.pk))
    graph.on_page = None
    run_all()
    assert not KnownPerson.objects.exists()


def test_a_deleted_member_leaves_nobody(host, graph):
    graph.people = crowd(20)
    connect(host)
    run_all()
    host.delete()
    run_all()
    assert not KnownPerson.objects.exists()
    assert not StoredGraph.objects.exists()


def test_graphs_of_other_members_stay_as_they_are(host, make_member, graph):
    graph.people = crowd(30)
    other = stored(make_member(), "did:plc:another")
    connect(host)
    run_all()
    hooks.on_disconnect.fire(host.pk, DID)
    run_all()
    check(other, graph)
    assert KnownPerson.objects.count() == 30


def test_a_server_without_end_is_not_followed(host, graph):
    graph.endless = True
    connect(host)
    for _ in range(5):
        for key in jobs.due(sync.JOB_KIND):
            jobs.run(sync.JOB_KIND, key)
    assert sync.progress(host.pk).reason == "server"


def test_syncs_leave_threads_to_other_jobs(host, make_member, graph):
    """With two under way a third waits, and then it is served before those who had their turn."""
    from elonara.bluesky.graph.passes import slots

    places = [slots.taken(key, short=False) for key in "123"]
    with places[0] as first, places[1] as second, places[2] as third:
        assert (first, second) == (None, None)
        assert third > 0
    assert slots.yielded("1") > third
    with slots.taken("3", short=False) as third:
        assert third is None
    assert slots.yielded("1") == 0


def test_a_sync_that_lost_its_graph_stores_nothing(host, graph):
    """Disconnect does not wait for it."""
    from elonara.bluesky.graph.store import FOLLOWERS as SIDE
    from elonara.bluesky.graph.store import LeaseLost, PassWriter
    from elonara.locks import take_lease

    row = connect(host)
    lease = take_lease(StoredGraph, row.pk, "somebody")
    writer = PassWriter(StoredGraph.objects.get(pk=row.pk), lease)
    hooks.on_disconnect.fire(host.pk, DID)
    with pytest.raises(LeaseLost):
        writer.store(SIDE, crowd(3))
    assert not KnownPerson.objects.exists()
