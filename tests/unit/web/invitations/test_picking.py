"""The Pick page over the stored graph: lists, orders and search; a choice that two devices share; safe names."""

import dataclasses
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.graph import somebody, stored
from tests.pages import page_text

from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity
from elonara.invitations import queries
from elonara.invitations.people import bounded_lists, sources
from elonara.invitations.people.sources import Source
from elonara.invitations.planning import drafts

CAROL, DAN = "did:plc:carol", "did:plc:dan"
SCRIPT = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def pick(signed_in, alice, friends, picnic):
    """`pick(q="x")` gets the page; `pick({"did": …})` posts to it as the form does."""
    client = signed_in(alice)
    stored(alice)

    def go(data=None, headers=None, **query):
        address = f"/events/{picnic.slug}/manage?tab=invite" + "".join(f"&{k}={v}" for k, v in query.items())
        return client.get(address) if data is None else client.post(address, data, **(headers or {}))

    return go


@pytest.fixture
def chosen(alice, picnic):
    return lambda: queries.draft(alice, picnic).dids


def names(response):
    """Whom the page shows, in order."""
    return re.findall(r'class="name"><bdi>(.*?)</bdi>', page_text(response))


def listed(response):
    """What the form would send about the people on the page."""
    return re.search(r'name="listed" value="(.*?)"', page_text(response))[1]


@pytest.fixture
def crowd(friends, alice):
    """So many more people in the stored graph, the newest first."""

    def add(count, **fields):
        friends.people += [Person(f"did:plc:p{n}", f"p{n}.example", f"Guest {n:04}", **fields) for n in range(count)]
        return stored(alice)

    return add


def test_who_is_invited_is_the_last_of_a_page_in_our_own_order_alone(pick, chosen, picnic, invited):
    before = names(pick())
    invited(picnic, f"did:plc:{before[0].lower()}")
    assert names(pick()) == [*before[1:], before[0]]
    assert names(pick(sort="name")) == sorted(before)
    pick({"did": [CAROL], "go": "next"})
    assert chosen() == [CAROL]


class TestTheChoice:
    def test_stays_over_lists_searches_and_pages(self, pick, chosen):
        pick({"listed": f"{CAROL} {DAN}", "did": [CAROL], "go": "list:followers"})
        response = pick(
            {"listed": f"+{CAROL} {DAN}", "did": [CAROL, DAN], "go": "search", "list": "followers", "q": "bob"}
        )
        assert response["location"].endswith("list=followers&q=bob")
        found = pick(list="followers", q="bob")
        assert names(found) == ["Bob"]
        assert "2 chosen" in page_text(found)
        assert chosen() == [CAROL, DAN]

    def test_who_is_unticked_on_the_page_is_not_chosen_any_more(self, pick, chosen):
        pick({"did": [CAROL, DAN]})
        pick({"listed": f"+{CAROL} +{DAN}", "did": [DAN], "go": "list:follows"})
        assert chosen() == [DAN]

    def test_a_page_that_another_device_has_overtaken_undoes_nothing(self, pick, chosen):
        old = listed(pick())
        pick({"listed": old, "did": [CAROL]}, SCRIPT)  # another device
        pick({"listed": old, "did": [DAN], "go": "next"})  # this page still shows Carol without a tick
        assert chosen() == [CAROL, DAN]
        later = listed(pick())
        pick({"listed": f"+{CAROL}", "did": []}, SCRIPT)  # the other device again
        pick({"listed": later, "did": [CAROL, DAN], "go": "next"})
        assert chosen() == [DAN], "a tick that was there when the page was made chooses nobody anew"

    def test_a_page_of_the_release_before_chooses_and_unticks_nobody(self, pick, chosen):
        pick({"did": [CAROL]})
        pick({"did": [DAN], "go": "next"})
        assert chosen() == [CAROL, DAN]

    def test_a_tick_by_script_is_answered_with_the_count(self, pick, chosen, settings):
        options = settings.ELONARA
        caps = dataclasses.replace(options.invitations, per_send=1)
        settings.ELONARA = dataclasses.replace(options, invitations=caps)
        assert json.loads(pick({"listed": CAROL, "did": [CAROL]}, SCRIPT).content) == {"chosen": 1, "over": ""}
        answer = json.loads(pick({"listed": DAN, "did": [DAN]}, SCRIPT).content)
        assert answer["chosen"] == 2
        assert "the most in one send is 1" in answer["over"]
        assert chosen() == [CAROL, DAN]

    def test_all_that_are_shown_within_one_send(self, pick, chosen, settings, crowd):
        crowd(6, follows_you=True)
        options = settings.ELONARA
        caps = dataclasses.replace(options.invitations, per_send=5)
        settings.ELONARA = dataclasses.replace(options, invitations=caps)
        pick({"did": ["did:plc:elsewhere"]})
        page = pick()
        assert "Choose all 9 shown" in page_text(page)
        pick({"listed": listed(page), "did": [DAN], "go": "all"})
        assert len(chosen()) == len(set(chosen())) == 5
        assert {"did:plc:elsewhere", DAN} <= set(chosen())

    def test_the_review_names_everybody_and_removes_one_or_all(self, pick, chosen):
        pick({"did": ["did:plc:gone", CAROL, DAN]})
        page = pick(list="chosen")
        assert names(page) == ["did:plc:gone", "Carol", "Dan"]
        assert listed(page) == "", "no boxes that an unticked page would take away"
        pick({"list": "chosen", "listed": "", "go": f"drop:{CAROL}"})
        assert chosen() == ["did:plc:gone", DAN]
        pick({"list": "chosen", "go": "clear"})
        assert "Nobody is chosen yet" in page_text(pick(list="chosen"))

    def test_the_review_has_pages(self, pick, crowd):
        crowd(60, follows_you=True)
        pick({"did": [f"did:plc:p{n}" for n in range(60)]})
        first = pick(list="chosen")
        assert len(names(first)) == 50
        assert len(names(pick(list="chosen", cursor=50))) == 10
        assert "Show more" in page_text(first)

    def test_somebody_who_cannot_be_invited_any_more_can_be_removed(self, pick, chosen, alice):
        pick({"did": [CAROL]})
        KnownPerson.objects.filter(did=CAROL).update(blocked_by=True)
        page = page_text(pick(list="chosen"))
        assert "This account blocks you on Bluesky." in page
        assert f'value="drop:{CAROL}"' in page


class TestTheLists:
    def test_list_order_and_search_stay_as_she_left_them(self, pick):
        pick({"list": "everyone", "go": "list:followers"})
        pick({"list": "followers", "go": "sort:oldest"})
        pick({"list": "followers", "sort": "oldest", "q": "example", "go": "search"})
        page = page_text(pick())
        assert 'value="list:followers" aria-current="true"' in page
        assert 'value="example"' in page
        assert 'name="sort" value="oldest"' in page
        pick({"list": "chosen", "go": "list:chosen", "q": "example"})
        assert 'value="list:followers" aria-current="true"' in page_text(pick()), (
            "the review is no list to come back to"
        )

    def test_the_follower_who_followed_first_is_two_presses_away(self, pick, crowd):
        crowd(120, follows_you=True)
        assert pick({"go": "list:followers", "q": ""})["location"].endswith("list=followers")
        where = pick({"list": "followers", "go": "sort:oldest"})["location"]
        assert where.endswith("list=followers&sort=oldest")
        assert names(pick(list="followers", sort="oldest"))[0] == "Guest 0119"

    @pytest.mark.parametrize("sort", ["likely", "name", "newest", "oldest"])
    @pytest.mark.parametrize("list_", ["everyone", "followers"])
    def test_page_by_page_shows_everybody_once(self, pick, sort, list_, crowd):
        crowd(120, follows_you=True)
        seen, cursor = [], ""
        while True:
            page = pick(list=list_, sort=sort, cursor=cursor)
            seen += names(page)
            more = re.search(r'value="cursor:(.*?)"', page_text(page))
            if not more:
                break
            cursor = more[1]
            where = pick({"list": list_, "sort": sort, "go": f"cursor:{cursor}"})["location"]
            assert f"cursor={cursor}" in where
        assert len(seen) == len(set(seen)) == 123

    def test_a_search_goes_on_in_another_list(self, pick, crowd):
        crowd(3, follows_you=True)
        where = pick({"list": "followers", "q": "guest", "go": "list:mutuals"})["location"]
        assert where.endswith("list=mutuals&q=guest")
        assert "Nobody here is called “<bdi>guest</bdi>”" in page_text(pick(list="mutuals", q="guest"))
        assert len(names(pick(list="followers", q="guest"))) == 3

    @pytest.mark.parametrize("cursor", ["x", "-1x", "9" * 40, "%00", "z9", "cursor:1", "é"])
    @pytest.mark.parametrize("query", [{}, {"sort": "name"}, {"q": "car"}, {"list": "chosen"}])
    def test_a_cursor_that_nobody_gave_out_begins_again(self, pick, cursor, query):
        response = pick(cursor=cursor, **query)
        assert response.status_code == 200

    @pytest.mark.parametrize("list_", ["", "nobodys", "graph:x", "list:9", "x" * 300, "%00", "ways"])
    def test_a_list_that_is_none_shows_everyone_or_the_ways(self, pick, list_):
        response = pick(list=list_)
        assert response.status_code == 200
        assert list_ == "ways" or names(response)

    def test_more_ways_are_a_page_of_their_own_and_counted_only_there(self, pick, monkeypatch):
        counted = []

        def make(asked):
            counted.append(asked.host)
            return [Source("past:1", "Came to Soup & <b>bread</b>", 1234)]

        way = (make, lambda asked, key, wanted: sources.WAYS["graph"][1](asked, "mutuals", wanted))
        monkeypatch.setitem(sources.WAYS, "past", way)
        assert "More" in page_text(pick())
        assert not counted
        page = page_text(pick(list="ways"))
        assert "Came to Soup &amp; &lt;b&gt;bread&lt;/b&gt;" in page
        assert "1,234" in page
        inside = page_text(pick(list="past:1"))
        assert 'value="list:ways" aria-current="true"' in inside
        assert "<h2><bdi>Came to Soup" in inside


# Name, handle, what the page shows, and what a search finds them by ("": by nothing but their DID).
ODD = [
    ("<script>alert(1)</script>", "markup.example", "&lt;script&gt;alert(1)&lt;/script&gt;", "alert script"),
    ('"><img src=x onerror=alert(1)>', "image.example", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;", "onerror"),
    ("", "no-name.example", "no-name.example", "no-na"),
    ("\u200b\u2060", "invisible.example", "invisible.example", "invisible"),
    ("", "handle.invalid", "did:plc:odd", ""),
    ("Nora", "handle.invalid", "Nora", "nora"),
    ("ليلى الحداد", "layla.example", "ليلى الحداد", "الحداد ليلى"),
    ("נועה לוי", "noa.example", "נועה לוי", "לוי"),
    ("\u202etxt.exe", "bidi.example", "\u202etxt.exe", "txt"),
    ("a" + "\u0301" * 639, "marks.example", "a" + "\u0301" * 639, "á"),
    ("🌻" * 160, "emoji.example", "🌻" * 160, "🌻🌻"),  # 640 bytes
    ("👩‍👩‍👧 Lee", "xn--bcher-kva.example", "👩‍👩‍👧 Lee", "👩‍👩‍👧 xn--bch"),
    ("x" * 640, "long.example", "x" * 640, "x" * 64),
    ("100%_\\", "percent.example", "100%_\\", "100%_\\"),
]


OF_ALL_KINDS = pytest.mark.parametrize(
    "odd", ODD, ids=[handle + (name and " with a name") for name, handle, _, _ in ODD], indirect=True
)


class TestWhoIsShown:
    @pytest.fixture
    def odd(self, request, friends, alice, pick):
        """(what the page shows, what a search finds by): the host knows one person alone, called so."""
        name, handle, shown, query = request.param
        friends.people[:] = [dataclasses.replace(somebody("odd"), display_name=name, handle=handle)]
        stored(alice)
        return shown, query

    @OF_ALL_KINDS
    def test_names_are_shown_as_they_are_and_apart(self, pick, odd):
        shown, _ = odd
        page = pick()
        assert names(page) == [shown]
        assert "@handle.invalid" not in page_text(page)

    @OF_ALL_KINDS
    def test_the_review_shows_them_as_well(self, pick, odd, chosen):
        shown, _ = odd
        pick({"listed": "did:plc:odd", "did": ["did:plc:odd"]})
        page = pick(list="chosen")
        assert names(page) == [shown]
        assert page_text(page).count(f"<bdi>{shown}</bdi>") >= 2, "as the name, and in the words of Remove"
        KnownPerson.objects.all().delete()  # then by the name that the draft keeps
        page = page_text(pick(list="chosen"))
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        pick({"list": "chosen", "listed": "", "go": "drop:did:plc:odd"})
        assert chosen() == []

    @OF_ALL_KINDS
    @pytest.mark.every_value_on_postgres
    def test_they_are_found_by_what_can_be_seen_or_pasted(self, pick, odd):
        shown, query = odd
        if query:
            assert names(pick(q=quote(query))) == [shown]
        assert names(pick(q="handle.invalid")) == [], "nobody's handle"
        response = pick({"go": "add", "who": "did:plc:odd"})
        assert response.status_code == 302 or names(response)[-1] == shown

    def test_strangers_are_greyed_with_a_link_to_copy(self, pick, monkeypatch):
        KnownPerson.objects.filter(did=DAN).update(follows_you=False, you_follow=False)
        dan = [bounded_lists.ListedPerson(DAN, 1)]
        some = lambda asked, key, wanted: bounded_lists.page(  # noqa: E731
            asked, dan, bounded_lists.in_graph(asked, [DAN]), wanted
        )
        monkeypatch.setitem(sources.WAYS, "past", (lambda asked: [Source("past:1", "Came", 1)], some))
        page = page_text(pick(list="past:1"))
        assert f'value="{DAN}"' not in page
        assert "Neither of you follows the other" in page
        assert re.search(
            r'<button class="textlink small" type="button" data-copy="http\S+/events/winter-picnic" hidden>', page
        )

    def test_reasons_come_from_what_is_stored_and_no_network_is_asked(self, pick, friends, alice):
        friends.people += [somebody("nils", blocked_by=True), somebody("max", muted=True)]
        stored(alice)
        KnownPerson.objects.filter(did=DAN).update(gone="deleted")
        friends.people.clear()
        page = page_text(pick())
        for sentence in ("This account blocks you", "You mute this account", "no longer exists"):
            assert sentence in page
        assert not friends.asked


class TestReading:
    def test_a_first_reading_tells_how_many_of_how_many(self, pick):
        StoredGraph.objects.update(state="running", read_at=None, read=3400, expected=120_000)
        page = page_text(pick())
        assert "3,400 of 120,000" in page
        assert 'max="100" value="2"' in page
        assert 'data-poll="2000"' in page
        part = page_text(pick(part="reading"))
        assert "3,400 of 120,000" in part
        assert "<main" not in part
        assert names(pick(part="people")) == ["Carol", "Dan", "Bob"], "people can be picked already"

    def test_its_age_is_seen_and_refresh_begins_a_whole_pass(self, pick):
        StoredGraph.objects.update(read_at=timezone.now() - timedelta(hours=3, minutes=5))
        assert "Read from Bluesky 3 hours ago." in page_text(pick())
        pick({"did": [CAROL], "go": "refresh"})
        graph = StoredGraph.objects.get()
        assert (graph.state, graph.full) == ("running", True)
        assert graph.lists_due_at <= timezone.now(), "lists and conversations are read again, too"
        assert "Last read 3 hours ago" in page_text(pick())

    def test_a_failed_reading_says_why_and_keeps_what_there_is(self, pick):
        StoredGraph.objects.update(state="failed", reason="unreachable", read_at=timezone.now() - timedelta(days=2))
        page = page_text(pick())
        assert "Your server does not answer." in page
        assert "read 2 days ago" in page
        assert len(names(pick())) == 3

    def test_before_anything_is_read_the_page_says_what_comes(self, pick):
        KnownPerson.objects.all().delete()
        StoredGraph.objects.all().delete()
        assert "Your people appear here in a moment" in page_text(pick())

    def test_without_the_permission_people_are_seen_and_not_invited(self, pick, friends, alice):
        friends.known = False
        MemberIdentity.objects.update(state="needs_reauth", connected_at=timezone.now())
        stored(alice)
        page = page_text(pick())
        assert "You can see people here, but not invite them" in page
        assert '<button class="button" form="renew">Reauthorize</button>' in page
        assert 'name="did"' not in page

    def test_without_an_account_she_is_led_to_connect(self, pick):
        KnownPerson.objects.all().delete()
        StoredGraph.objects.all().delete()
        MemberIdentity.objects.all().delete()
        assert "Connect Bluesky to see the people you know" in page_text(pick())


def test_the_parts_that_a_script_fetches_are_small_and_bounded(pick, crowd):
    crowd(120, follows_you=True)
    rows = pick(part="rows", list="followers", cursor=pick_cursor(pick(list="followers")))
    assert 0 < len(names(rows)) <= 50
    assert b"<main" not in rows.content
    assert len(pick(list="followers").content) < 100_000


def pick_cursor(response):
    return re.search(r'value="cursor:(.*?)"', page_text(response))[1]


@pytest.mark.parametrize(
    "query", [{}, {"list": "followers", "sort": "oldest"}, {"q": "guest"}, {"list": "mutuals", "sort": "name"}]
)
def test_a_page_takes_twelve_queries(pick, query, crowd):
    crowd(120, follows_you=True)
    pick({"did": [CAROL, DAN]})
    pick(**query)
    with CaptureQueriesContext(connection) as seen:
        assert pick(**query).status_code == 200
    assert len(seen) <= 12, [one["sql"][:200] for one in seen]


def test_a_get_writes_nothing(pick, alice, picnic):
    for query in ({}, {"list": "followers", "q": "x"}, {"part": "people", "sort": "name"}):
        pick(**query)
    assert queries.draft(alice, picnic).view == drafts.PickView()
