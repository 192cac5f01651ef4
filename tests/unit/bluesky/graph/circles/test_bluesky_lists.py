"""A member's lists on Bluesky."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.circles import FakeList
from tests.fakes.graph import somebody

from elonara import jobs
from elonara.bluesky.graph.circles import bluesky_lists
from elonara.bluesky.graph.circles.bluesky_lists import LISTS
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph
from elonara.bluesky.identity.people import INVALID_HANDLE, Person

BOB, CAROL, DAN = somebody("bob"), somebody("carol", you_follow=False), somebody("dan", follows_you=False)
STRANGER = somebody("stranger", follows_you=False, you_follow=False)


def run():
    """Every run that is due, one after the other; how many there were."""
    ran = 0
    while keys := jobs.due(LISTS.kind):
        for key in keys:
            jobs.run(LISTS.kind, key)
            ran += 1
            assert ran < 100
    return ran


def lists():
    """What is stored, by the names of lists and people."""
    found = {}
    for one in KnownList.objects.order_by("position"):
        rows = KnownListMember.objects.filter(known_list=one).select_related("person")
        found[one.name] = sorted(row.person.handle.partition(".")[0] for row in rows)
        assert one.people == len(found[one.name])
    return found


def test_lists_and_their_people_are_stored(stored, fake):
    stored(BOB, CAROL)
    fake.lists = [FakeList("Chess", [BOB, STRANGER]), FakeList("Bakers", [CAROL])]
    run()
    assert lists() == {"Chess": ["bob", "stranger"], "Bakers": ["carol"]}
    chess = KnownListMember.objects.filter(known_list__name="Chess")
    assert dict(chess.values_list("person__did", "person__follows_you")) == {BOB.did: True, STRANGER.did: False}


def test_lists_to_moderate_are_not_hers_to_invite(stored, fake):
    stored(BOB)
    fake.lists = [FakeList("Spam", [BOB], purpose="modlist"), FakeList("Pack", [BOB], purpose="referencelist"),
                  FakeList("Chess", [BOB])]  # fmt: skip
    run()
    assert lists() == {"Chess": ["bob"]}


def test_short_and_empty_pages_are_not_the_last(stored, fake):
    guests = [somebody(f"guest{number}") for number in range(7)]
    stored(*guests)
    fake.short = 2
    fake.lists = [FakeList(f"List {number}", guests) for number in range(5)]
    run()
    assert len(lists()) == 5
    assert all(len(names) == 7 for names in lists().values())


def test_who_is_taken_from_a_list_goes_and_strangers_with_it(stored, fake, clock):
    stored(BOB)
    fake.lists = [FakeList("Chess", [BOB, STRANGER])]
    run()
    fake.lists[0].people.remove(STRANGER)
    clock.pass_(days=8)
    run()
    assert lists() == {"Chess": ["bob"]}
    assert [row.did for row in KnownPerson.objects.all()] == [BOB.did]


def test_a_list_that_is_gone_goes(stored, fake, clock):
    stored(BOB)
    fake.lists = [FakeList("Chess", [BOB, STRANGER]), FakeList("Bakers", [BOB])]
    run()
    fake.lists.pop(0)
    clock.pass_(days=8)
    run()
    assert lists() == {"Bakers": ["bob"]}
    assert not KnownPerson.objects.filter(did=STRANGER.did).exists()


def test_a_list_that_is_deleted_between_two_reads_goes(stored, fake):
    graph = stored(BOB)
    fake.lists = [FakeList("Chess", [BOB]), FakeList("Bakers", [BOB])]
    jobs.run(LISTS.kind, str(graph.pk))  # the names
    fake.lists.pop(0)
    run()
    assert lists() == {"Bakers": ["bob"]}


def test_a_list_that_is_renamed_keeps_its_address(stored, fake, clock):
    stored(BOB)
    fake.lists = [FakeList("Chess", [BOB])]
    run()
    before = KnownList.objects.get().pk
    fake.lists[0].name = "Chess and Go"
    clock.pass_(days=8)
    run()
    assert lists() == {"Chess and Go": ["bob"]}
    assert KnownList.objects.get().pk == before


def test_twenty_lists_of_a_thousand_people(stored, fake, monkeypatch):
    monkeypatch.setattr(bluesky_lists, "MAX_PEOPLE", 30)  # as with 1,000, sooner
    guests = [somebody(f"guest{number}") for number in range(40)]
    stored(*guests)
    fake.lists = [FakeList(f"List {number}", guests) for number in range(25)]
    assert run() == 21  # the names, then one list a run
    assert len(lists()) == 20
    assert all(len(names) == 30 for names in lists().values())


def test_a_server_that_always_has_a_next_page_is_left(stored, fake, monkeypatch):
    stored(BOB)
    reads = []

    def read(member_id, nsid, params):
        reads.append(nsid)
        return {"lists": [], "items": [], "cursor": "again"}, True

    monkeypatch.setattr(fake, "read", read)
    run()
    assert len(reads) == bluesky_lists.MAX_PAGES


def test_a_killed_worker_is_gone_on_from_the_lists_that_are_left(stored, fake, clock):
    graph = stored(BOB)
    fake.lists = [FakeList(f"List {number}", [BOB]) for number in range(4)]
    for _ in range(3):
        jobs.run(LISTS.kind, str(graph.pk))
    assert LISTS.claim(graph.pk)  # a worker takes it and dies
    fake.reads.clear()
    clock.pass_(minutes=11)
    run()
    assert fake.reads == ["app.bsky.graph.getList"] * 2
    assert len(lists()) == 4


def test_a_fault_keeps_what_is_stored(stored, fake, clock):
    stored(BOB)
    fake.lists = [FakeList("Chess", [BOB, STRANGER])]
    run()
    clock.pass_(days=8)
    fake.down = GraphUnavailable("rate_limited", "Wait.")
    run()
    assert lists() == {"Chess": ["bob", "stranger"]}
    fake.down, fake.lists[0].people = None, [BOB]
    clock.pass_(hours=2)
    run()
    assert lists() == {"Chess": ["bob"]}


def test_she_herself_on_her_list_is_left_out(stored, fake):
    stored(BOB)
    fake.lists = [FakeList("Chess", [somebody("host"), BOB])]
    run()
    assert lists() == {"Chess": ["bob"]}


def test_read_anonymously_people_are_shown_and_nothing_of_them_is_lost(stored, fake):
    stored(BOB, somebody("eve", blocked_by=True))
    fake.known = False
    fake.lists = [FakeList("Chess", [BOB, somebody("eve", follows_you=False, you_follow=False)])]
    run()
    eve = KnownPerson.objects.get(did="did:plc:eve")
    assert (eve.follows_you, eve.blocked_by, eve.known) == (True, True, True)


@pytest.mark.promise("disconnect")
def test_no_list_is_stored_for_who_disconnects_meanwhile(stored, fake):
    graph = stored()
    fake.lists = [FakeList("Chess", [BOB])]
    jobs.run(LISTS.kind, str(graph.pk))
    read = fake.read

    def disconnects(*args):
        StoredGraph.objects.update(member=None)
        return read(*args)

    fake.read = disconnects
    run()
    assert not KnownPerson.objects.exists()
    assert not KnownListMember.objects.exists()


@pytest.mark.parametrize(
    "item",
    [None, 7, {}, {"uri": 7, "name": "x", "purpose": bluesky_lists.CURATE},
     {"uri": "at://" + "x" * 600, "name": "x", "purpose": bluesky_lists.CURATE},
     {"uri": "https://x", "name": "x", "purpose": bluesky_lists.CURATE}],
)  # fmt: skip
def test_a_malformed_list_is_passed_over(stored, fake, item):
    stored(BOB)
    good = FakeList("Chess", [BOB])
    fake.lists = [good]
    read = fake.read

    def odd(member_id, nsid, params):
        page, known = read(member_id, nsid, params)
        if "lists" in page:
            page["lists"].insert(0, item)
        else:
            page["items"] = [None, {"subject": {}}, {"subject": {"did": "nobody"}}, *page["items"]]
        return page, known

    fake.read = odd
    run()
    assert lists() == {"Chess": ["bob"]}


def test_names_of_lists_are_texts_of_strangers(stored, fake):
    stored(BOB)
    fake.lists = [FakeList("\x00<b>Łódź</b>\x07" + "x" * 700, [BOB]), FakeList(" \n ", [BOB])]
    run()
    first, second = KnownList.objects.order_by("position")
    assert first.name.startswith("<b>Łódź</b>x")
    assert len(first.name) == 640
    assert second.name == "A list"


def test_who_becomes_a_follower_keeps_a_rank_of_her_own(stored, fake):
    """A stranger's serial is none that a sync gives, in no class."""
    graph = stored(*[somebody(f"guest{number}") for number in range(5)])
    fake.lists = [FakeList("Chess", [STRANGER, somebody("other", follows_you=False, you_follow=False)])]
    run()
    serials = list(KnownPerson.objects.filter(graph=graph).values_list("serial", flat=True))
    assert len(set(serials)) == len(serials) == 7
    assert sorted(serials)[-2:] == [2**30, 2**30 + 1]
    fake.lists[0].people.append(somebody("third", follows_you=False, you_follow=False))
    LISTS.hasten(graph.pk)
    run()
    assert KnownPerson.objects.get(did="did:plc:third").serial == 2**30 + 2


def test_inviting_goes_before_reading_lists(stored, fake):
    graph = stored(BOB)
    fake.lists = [FakeList("Chess", [BOB])]
    fake.rests_until = timezone.now() + timedelta(minutes=4)
    assert run() == 1
    assert fake.reads == []
    graph.refresh_from_db()
    assert graph.lists_due_at == fake.rests_until
    fake.rests_until = None
    StoredGraph.objects.update(lists_due_at=timezone.now())
    run()
    assert lists() == {"Chess": ["bob"]}


def test_a_stranger_whose_handle_leads_nowhere_is_not_found_by_it(stored, fake):
    graph = stored(BOB)
    fake.lists = [FakeList("Chess", [Person("did:plc:lost", INVALID_HANDLE, "Lost Larry")])]
    run()
    row = KnownPerson.objects.get(did="did:plc:lost")
    assert "invalid" not in row.text
    assert row.graph_id == graph.pk
    assert row.sort_name == "lost larry"
