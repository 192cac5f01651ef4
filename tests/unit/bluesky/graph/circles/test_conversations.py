"""Whom a member talks with, as her public posts show it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.circles import START, post
from tests.fakes.graph import somebody

from elonara import jobs
from elonara.bluesky.graph import listing
from elonara.bluesky.graph.circles.conversations import TALKS, counted, most
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.models import KnownPerson, StoredGraph

HOST = "did:plc:host"
BOB, CAROL, DAN = somebody("bob"), somebody("carol", you_follow=False), somebody("dan", follows_you=False)
STRANGER = somebody("stranger", follows_you=False, you_follow=False)


def talks(graph):
    rows = KnownPerson.objects.filter(graph=graph, talked__gt=0)
    return {row.did.removeprefix("did:plc:"): row.talked for row in rows}


def numbers(*items):
    return {talk.did.removeprefix("did:plc:"): talk.posts for talk in counted(HOST, items)}


def run():
    for key in jobs.due(TALKS.kind):
        jobs.run(TALKS.kind, key)


class TestWhomAPostAddresses:
    def test_the_author_of_the_post_that_it_answers(self):
        assert numbers(post(HOST, answers=BOB), post(HOST, answers=BOB), post(HOST)) == {"bob": 2}

    def test_whom_it_mentions(self):
        assert numbers(post(HOST, mentions=(BOB, CAROL))) == {"bob": 1, "carol": 1}

    def test_each_once_however_many_ways(self):
        assert numbers(post(HOST, answers=BOB, mentions=(BOB, BOB))) == {"bob": 1}

    def test_never_herself(self):
        me = somebody("host")
        assert numbers(post(HOST, answers=me), post(HOST, mentions=(me,))) == {}

    def test_posts_of_others_do_not_count(self):
        assert numbers(post("did:plc:bob", answers=CAROL, reposted_by=HOST)) == {}

    def test_a_pinned_post_counts_once(self):
        pinned = post(HOST, answers=BOB, uri="at://did:plc:host/app.bsky.feed.post/pinned")
        assert numbers(pinned, post(HOST), pinned) == {"bob": 1}

    @pytest.mark.parametrize("what", ["blockedPost", "notFoundPost"])
    def test_not_who_blocked_her_since_or_whose_post_is_gone(self, what):
        assert numbers(post(HOST, answers=BOB, parent=what)) == {}

    def test_the_latest_time_counts_and_none_in_the_future(self, clock):
        (talk,) = counted(HOST, [post(HOST, answers=BOB, hours=5), post(HOST, answers=BOB, hours=1)])
        assert talk.at == START + timedelta(hours=5)
        (talk,) = counted(HOST, [post(HOST, answers=BOB, hours=10**6)])
        assert talk.at <= clock.now()

    @pytest.mark.parametrize(
        "item",
        [
            None, "x", 7, [], {}, {"post": None}, {"post": {"author": "x"}}, {"post": {"author": {"did": HOST}}},
            {"post": {"author": {"did": HOST}, "uri": "at://x", "record": "x", "indexedAt": "yesterday"}},
            {"post": {"author": {"did": HOST}, "uri": "at://x", "record": {"facets": [7, {"features": [{}, 1]}]}}},
            {"post": {"author": {"did": HOST}, "uri": "at://x", "record": {"reply": {"parent": {"uri": "at://x/y"}}}}},
            {"post": {"author": {"did": HOST}, "uri": "at://x", "record": {"facets": [
                {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:" + "x" * 3000}]}]}}},
        ],
    )  # fmt: skip
    def test_what_is_malformed_is_passed_over(self, item):
        assert numbers(item, post(HOST, answers=BOB)) == {"bob": 1}

    def test_most_are_those_she_addressed_most_often_then_latest(self):
        items = [post(HOST, answers=BOB, hours=1), post(HOST, answers=CAROL, hours=2), post(HOST, answers=DAN),
                 post(HOST, answers=DAN)]  # fmt: skip
        assert [talk.did for talk in most(counted(HOST, items))] == [DAN.did, CAROL.did, BOB.did]


class TestTheJob:
    def test_stores_how_often_and_adds_who_is_not_in_the_graph(self, stored, fake):
        graph = stored(BOB, CAROL)
        fake.feeds[HOST] = [post(HOST, answers=BOB), post(HOST, answers=STRANGER), post(HOST, mentions=(STRANGER,))]
        run()
        assert talks(graph) == {"bob": 1, "stranger": 2}
        stranger = KnownPerson.objects.get(did=STRANGER.did)
        assert (stranger.handle, stranger.follows_you, stranger.you_follow) == ("stranger.example", False, False)
        graph.refresh_from_db()
        assert graph.conversations == 2
        assert graph.talks_read_at
        everyone = listing.page(graph, listing.Wanted())
        assert {person.did for person in everyone.people} == {BOB.did, CAROL.did}

    def test_reads_three_pages_and_no_more(self, stored, fake):
        stored(BOB)
        fake.feeds[HOST] = [post(HOST, answers=BOB) for _ in range(350)]
        run()
        assert fake.reads == ["app.bsky.feed.getAuthorFeed"] * 3
        assert KnownPerson.objects.get().talked == 300

    def test_a_short_page_is_not_the_last(self, stored, fake):
        graph = stored(BOB)
        fake.short = 2
        fake.feeds[HOST] = [post(HOST), post(HOST), post(HOST, answers=BOB)]
        run()
        assert talks(graph) == {"bob": 1}

    def test_profiles_are_read_of_those_alone_of_whom_nothing_is_known(self, stored, fake):
        graph = stored(BOB)
        fake.public.append(STRANGER)
        fake.feeds[HOST] = [post(HOST, mentions=(BOB, STRANGER)), post(HOST, mentions=(somebody("nobody"),))]
        run()
        assert fake.reads.count("app.bsky.actor.getProfiles") == 1
        assert talks(graph) == {"bob": 1, "stranger": 1}  # a mention of nobody names nobody

    def test_whom_she_talked_with_once_is_forgotten(self, stored, fake, clock):
        graph = stored(BOB)
        fake.feeds[HOST] = [post(HOST, answers=BOB), post(HOST, answers=STRANGER)]
        run()
        fake.feeds[HOST] = [post(HOST)]
        clock.pass_(days=8)
        run()
        assert talks(graph) == {}
        assert [row.did for row in KnownPerson.objects.all()] == [BOB.did]

    def test_a_newer_name_is_stored(self, stored, fake):
        stored(BOB)
        fake.feeds[HOST] = [post(HOST, answers=replace(BOB, handle="bob.new.example", display_name="Bob B."))]
        run()
        row = KnownPerson.objects.get()
        assert (row.handle, row.display_name) == ("bob.new.example", "Bob B.")
        assert row.follows_you
        found = listing.page(StoredGraph.objects.get(), listing.Wanted(q="bob.new"))
        assert [person.did for person in found.people] == [BOB.did]

    def test_at_most_two_hundred_are_stored(self, stored, fake):
        graph = stored()
        fake.feeds[HOST] = [post(HOST, answers=somebody(f"guest{number}")) for number in range(250)]
        run()
        assert len(talks(graph)) == 200

    def test_runs_weekly_and_when_it_is_asked_for(self, stored, fake, clock):
        graph = stored(BOB)
        run()
        assert jobs.due(TALKS.kind) == []
        clock.pass_(days=6)
        assert jobs.due(TALKS.kind) == []
        TALKS.hasten(graph.pk)
        assert jobs.due(TALKS.kind) == [str(graph.pk)]
        run()
        clock.pass_(days=8)
        assert jobs.due(TALKS.kind) == [str(graph.pk)]

    def test_a_fault_of_the_network_changes_nothing_and_is_tried_again(self, stored, fake, clock):
        graph = stored(BOB)
        fake.feeds[HOST] = [post(HOST, answers=BOB)]
        run()
        fake.down = GraphUnavailable("unreachable", "It does not answer.")
        clock.pass_(days=8)
        run()
        assert talks(graph) == {"bob": 1}
        assert jobs.due(TALKS.kind) == []
        fake.down = None
        clock.pass_(hours=2)
        assert jobs.due(TALKS.kind) == [str(graph.pk)]

    def test_nothing_is_stored_for_who_disconnects_meanwhile(self, stored, fake):
        graph = stored()
        fake.feeds[HOST] = [post(HOST, answers=BOB)]
        read = fake.read_public

        def disconnects(*args, **options):
            StoredGraph.objects.update(member=None)
            return read(*args, **options)

        fake.read_public = disconnects
        run()
        assert talks(graph) == {}
        assert not KnownPerson.objects.exists()
        assert jobs.due(TALKS.kind) == []

    def test_two_workers_do_not_do_it_twice(self, stored, fake):
        graph = stored(BOB)
        assert TALKS.claim(graph.pk)
        assert TALKS.claim(graph.pk) is None

    def test_a_worker_that_was_killed_costs_ten_minutes(self, stored, fake, clock):
        graph = stored(BOB)
        assert TALKS.claim(graph.pk)
        clock.pass_(minutes=9)
        assert jobs.due(TALKS.kind) == []
        clock.pass_(minutes=2)
        assert TALKS.claim(graph.pk)

    def test_begins_when_the_people_are_there(self, stored, fake):
        graph = stored(BOB, read_at=None, full_read_at=None, state="running")
        assert jobs.due(TALKS.kind) == []
        StoredGraph.objects.update(state="failed")
        assert jobs.due(TALKS.kind) == [str(graph.pk)]
