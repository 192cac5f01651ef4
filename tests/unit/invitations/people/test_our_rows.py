"""Ways to people that our own rows know: earlier guests, who never answered, members of the community."""

from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara.bluesky.graph.listing import Wanted
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.search import BadCursor
from elonara.communities import actions as communities
from elonara.communities.models import Community, Membership
from elonara.events.models import Event, EventHost
from elonara.invitations import queries
from elonara.invitations.models import Invitation
from elonara.invitations.people import sources
from elonara.invitations.targets import Target


def of(key, host, target=None, **wanted):
    return sources.page(host, Target(target) if target else None, key, Wanted(**wanted)).people


class TestCame:
    def test_who_answered_going_to_what_is_over(self, graph, past_event, answers, shown, counts):
        party = past_event()
        answers(party, did="did:plc:bob")
        answers(party, "maybe", did="did:plc:carol")
        answers(party, "cant", did="did:plc:dan")
        assert shown("came") == ["bob"]
        assert counts()["came"] == 1

    def test_not_yet_while_it_lasts(self, graph, make_event, clock, answers, shown, counts):
        event = make_event()
        answers(event, did="did:plc:bob")
        assert shown("came") == []
        assert "came" not in counts()
        for starts, ends, over in [(-2, None, False), (-4, None, True), (-5, 1, False), (-5, -1, True)]:
            now = clock.now()
            ends_at = None if ends is None else now + timedelta(hours=ends)
            Event.objects.update(starts_at=now + timedelta(hours=starts), ends_at=ends_at)
            assert (shown("came") == ["bob"]) is over, (starts, ends)

    def test_not_to_what_was_cancelled(self, graph, past_event, answers, shown):
        answers(past_event(status=Event.Status.CANCELLED), did="did:plc:bob")
        assert shown("came") == []

    def test_of_a_cohost_who_has_accepted_alone(self, graph, past_event, answers, shown, make_member, clock):
        other = make_member("other", "did:plc:other")
        party = past_event(host=other)
        answers(party, did="did:plc:bob")
        assert shown("came") == []
        asked = EventHost.objects.create(event=party, member=graph.member, role="cohost")
        assert shown("came") == []
        asked.accepted_at = clock.now()
        asked.save()
        assert shown("came") == ["bob"]
        assert shown("came", host=make_member("third", "did:plc:third")) == []

    def test_never_herself_and_nobody_without_a_did(self, graph, past_event, answers, shown, make_member, counts):
        party = past_event()
        answers(party, member=graph.member)
        answers(party, did="did:plc:host")
        answers(party, member=make_member("walter"))
        assert shown("came") == []
        assert "came" not in counts()

    def test_a_member_under_the_did_that_she_has_linked_now(self, graph, past_event, answers, shown, make_member):
        carol = make_member("carol", "did:plc:carol")
        answers(past_event(), member=carol, did="did:plc:former")
        assert shown("came") == ["carol"]

    def test_each_once(self, graph, past_event, answers, shown, counts):
        for days in (3, 9, 30):
            answers(past_event(days=days), did="did:plc:bob")
        assert shown("came") == ["bob"]
        assert counts()["came"] == 1

    def test_strangers_are_shown_with_the_name_of_their_answer_and_refused(
        self, graph, alice, picnic, past_event, answers
    ):
        answers(past_event(), did="did:plc:zed", name="Zed Łukasz", handle="zed.example")
        (zed,) = of("came", alice, picnic)
        assert (zed.name, zed.handle) == ("Zed Łukasz", "zed.example")
        assert queries.invitability(alice, picnic, [zed]) == {"did:plc:zed": "stranger"}
        assert [person.did for person in of("came", alice, picnic, q="lukasz")] == ["did:plc:zed"]

    def test_who_is_in_the_graph_is_shown_as_it_has_them(self, graph, alice, picnic, past_event, answers):
        answers(past_event(), did="did:plc:bob", name="Old name", handle="old.example")
        (bob,) = of("came", alice, picnic)
        assert (bob.name, bob.handle, bob.mutual) == ("Bob", "bob.example", True)
        assert of("came", alice, picnic, q="old") == []
        assert queries.invitability(alice, picnic, [bob]) == {"did:plc:bob": None}

    def test_a_graph_that_is_not_read_to_its_end_calls_nobody_a_stranger(self, alice, picnic, past_event, answers):
        answers(past_event(), did="did:plc:zed", handle="zed.example")
        for graph in (None, graph_with(alice, [], full_read_at=None), None):
            (zed,) = of("came", alice, picnic)
            assert queries.invitability(alice, picnic, [zed]) == {"did:plc:zed": "view_unknown"}, graph
        StoredGraph.objects.update(known=False)
        assert queries.invitability(alice, picnic, of("came", alice, picnic)) == {"did:plc:zed": "view_unknown"}

    def test_every_search_puts_them_above_mutuals(self, alice, people, past_event, answers, shown):
        people += [somebody("anna"), somebody("anton"), somebody("anja", you_follow=False)]
        graph_with(alice, people)
        assert shown("everyone", q="an")[0] != "anja"
        answers(past_event(), did="did:plc:anja")
        assert shown("everyone", q="an") == ["anja", "anna", "anton", "dan"][:3]
        assert shown("followers", q="an")[0] == "anja"


class TestUnanswered:
    def test_invited_to_something_else_and_no_answer(self, graph, alice, send, deliver, make_event, shown, counts):
        earlier, picnic = make_event(title="Earlier"), make_event()
        send(earlier, "bob", "carol", "dan")
        deliver()
        Invitation.objects.filter(invitee_did="did:plc:carol").update(answer="cant")
        send(picnic, "dan")
        deliver()
        assert sorted(shown("unanswered", picnic)) == ["bob", "dan"]
        assert shown("unanswered", earlier) == ["dan"]
        assert counts(picnic)["unanswered"] == 2

    def test_who_answered_once_has_answered(self, graph, send, deliver, make_event, picnic, shown):
        first, second = make_event(title="First"), make_event(title="Second")
        send(first, "bob")
        send(second, "bob")
        deliver()
        Invitation.objects.filter(event=first).update(answer="going")
        assert shown("unanswered", picnic) == []

    @pytest.mark.parametrize("state", ["queued", "waiting", "failed", "cancelled", "suppressed", "undone", "undoing"])
    def test_not_who_has_seen_nothing(self, state, graph, send, deliver, make_event, picnic, shown):
        send(make_event(title="Earlier"), "bob")
        deliver()
        Invitation.objects.update(state=state)
        assert shown("unanswered", picnic) == []

    def test_not_who_was_invited_by_others(self, graph, make_member, send, deliver, make_event, picnic, shown):
        other = make_member("other", "did:plc:other")
        send(make_event(title="Earlier", host=other), "bob", host=other)
        deliver()
        Invitation.objects.update(state="sent")
        assert shown("unanswered", picnic) == []
        assert shown("unanswered", host=other) == ["bob"]

    def test_who_follows_no_more_is_a_stranger_with_the_name_of_then(
        self, alice, people, send, deliver, make_event, picnic
    ):
        send(make_event(title="Earlier"), "bob")
        deliver()
        graph_with(alice, people[1:])
        (bob,) = of("unanswered", alice, picnic)
        assert (bob.name, bob.handle) == ("Bob", "bob.example")
        assert queries.invitability(alice, picnic, [bob]) == {"did:plc:bob": "stranger"}


class TestCommunity:
    @pytest.fixture
    def picnic(self, alice, make_event, bakers):
        return make_event(community=bakers)

    @pytest.fixture
    def joined(self, bakers):
        def join(did="", member=None, **fields):
            return Membership.objects.create(community=bakers, did=did, member=member, **fields)

        return join

    def test_members_with_a_proven_account(self, graph, picnic, joined, make_member, shown, counts):
        joined("did:plc:bob")
        joined(member=make_member("carol", "did:plc:carol"))
        joined(member=make_member("walter"))
        assert shown("community", picnic) == ["bob", "carol"]
        assert counts(picnic)["community"] == 2

    def test_strangers_with_the_name_that_the_community_shows(self, graph, alice, picnic, joined):
        joined("did:plc:zed", name="Zed", handle="zed.example")
        (zed,) = of("community", alice, picnic)
        assert (zed.name, zed.handle) == ("Zed", "zed.example")
        assert queries.invitability(alice, picnic, [zed]) == {"did:plc:zed": "stranger"}

    def test_not_who_is_invited_or_has_answered_or_hosts(
        self, graph, picnic, joined, send, answers, make_member, clock, shown
    ):
        for name in ("bob", "carol", "dan"):
            joined(f"did:plc:{name}")
        send(picnic, "bob")
        answers(picnic, "maybe", did="did:plc:carol")
        dan = make_member("dan", "did:plc:dan")
        EventHost.objects.create(event=picnic, member=dan, role="cohost", accepted_at=clock.now())
        assert shown("community", picnic) == []
        Invitation.objects.update(state="cancelled")
        assert shown("community", picnic) == ["bob"]

    def test_not_of_a_community_that_she_may_not_see(self, graph, picnic, bakers, joined, shown, counts):
        joined("did:plc:bob")
        Community.objects.update(visibility="private")
        assert shown("community", picnic) == ["bob"]
        Membership.objects.filter(community=bakers, member=graph.member).delete()
        picnic = Event.objects.get()  # with the community of now
        assert shown("community", picnic) == []
        assert "community" not in counts(picnic)

    def test_an_event_without_one_and_a_community_have_no_such_list(
        self, graph, make_event, bakers, joined, shown, counts
    ):
        joined("did:plc:bob")
        for target in (make_event(), bakers, None):
            assert shown("community", target) == []
            assert "community" not in counts(target)

    def test_other_communities_do_not_count(self, graph, alice, picnic, shown):
        Membership.objects.create(community=communities.create(alice, name="Other"), did="did:plc:bob")
        assert shown("community", picnic) == []


class TestAPage:
    @pytest.fixture
    def guests(self, alice, people, past_event, answers):
        """Twenty who came, on different days; every third is not in the graph. The newest is guest00."""
        names = [f"guest{number:02}" for number in range(20)]
        people[:] = [somebody(name) for number, name in enumerate(names) if number % 3]
        graph_with(alice, [replace(one, follows_you=one.did[-1] != "1") for one in people])
        for number, name in enumerate(names):
            answers(past_event(days=number + 1), did=f"did:plc:{name}", name=f"Name {name}", handle=f"{name}.example")
        return names

    def pages(self, host, **wanted):
        found, cursor = [], ""
        while True:
            page = sources.page(host, None, "came", Wanted(cursor=cursor, limit=3, **wanted))
            found.append([person.did.removeprefix("did:plc:") for person in page.people])
            assert len(found) < 30
            if not (cursor := page.cursor):
                return found

    @pytest.mark.parametrize("sort", ["likely", "name", "newest", "oldest"])
    def test_pages_have_everybody_once(self, sort, guests, alice):
        pages = self.pages(alice, sort=sort)
        assert [len(page) for page in pages] == [3] * 6 + [2]
        assert sorted(chain(*pages)) == guests

    def test_orders(self, guests, alice, shown):
        assert shown("came", sort="newest") == guests
        assert shown("came", sort="oldest") == guests[::-1]
        likely = shown("came")
        strangers = [name for number, name in enumerate(guests) if number % 3 == 0]
        assert likely[-len(strangers) :] == strangers
        assert likely[0] == "guest02"  # guest01 does not follow her

    def test_a_search_has_pages_too(self, guests, alice):
        assert sorted(chain(*self.pages(alice, q="guest"))) == guests
        assert sorted(chain(*self.pages(alice, q="guest0"))) == guests[:10]

    def test_a_search_in_any_order_of_words_and_an_exact_handle_first(self, guests, alice, shown):
        assert shown("came", q="@guest03.example") == ["guest03"]
        assert shown("came", q="guest03 name") == ["guest03"]
        assert shown("came", q="name nobody") == []
        assert shown("came", q=" @ ") == []

    @pytest.mark.parametrize("among", ["followers", "follows", "mutuals"])
    def test_narrowed_to_a_list_of_the_graph(self, among, guests, alice, shown):
        everybody = set(shown("came", among=among))
        known = {name for number, name in enumerate(guests) if number % 3}
        follow = {name for name in known if name[-1] != "1"}
        assert everybody == (known if among == "follows" else follow)

    def test_somebody_who_goes_between_two_pages_moves_nobody(self, guests, alice, answers):
        first = sources.page(alice, None, "came", Wanted(sort="newest", limit=5))
        Event.objects.order_by("-starts_at").first().delete()
        then = sources.page(alice, None, "came", Wanted(sort="newest", limit=5, cursor=first.cursor))
        assert [person.did.removeprefix("did:plc:") for person in then.people] == guests[5:10]

    @pytest.mark.parametrize("cursor", ["x", "!", "þ", "W10", "Ww", "WzEsMl0", "bnVsbA", "e30", "0", "a" * 900, "\x00"])
    def test_a_cursor_that_is_none_is_refused(self, cursor, guests, alice):
        for wanted in ({}, {"sort": "name"}, {"q": "guest"}, {"sort": "newest"}):
            with pytest.raises(BadCursor):
                sources.page(alice, None, "came", Wanted(cursor=cursor, **wanted))

    def test_a_cursor_of_another_order_is_refused(self, guests, alice):
        cursor = sources.page(alice, None, "came", Wanted(sort="name", limit=3)).cursor
        for sort in ("likely", "newest"):
            with pytest.raises(BadCursor):
                sources.page(alice, None, "came", Wanted(sort=sort, cursor=cursor))

    def test_cursors_fit_into_an_address(self, alice, people, past_event, answers):
        people[:] = [somebody(f"guest{number}") for number in range(3)]
        graph_with(alice, [replace(one, display_name="🦋" * 160) for one in people])
        for person in people:
            answers(past_event(), did=person.did)
        assert 0 < len(sources.page(alice, None, "came", Wanted(sort="name", limit=1)).cursor) <= 700


def test_counting_and_a_page_take_few_queries(
    graph, alice, bakers, make_event, past_event, answers, django_assert_max_num_queries
):
    picnic = make_event(community=bakers)
    for number in range(30):
        answers(past_event(), did=f"did:plc:guest{number}", name="A guest")
        Membership.objects.create(community=bakers, did=f"did:plc:guest{number}")
    with django_assert_max_num_queries(8):
        sources.sources(alice, Target(picnic))
    with django_assert_max_num_queries(6):
        assert len(of("came", alice, picnic)) == 30
    with django_assert_max_num_queries(8):
        assert len(of("community", alice, picnic)) == 30
