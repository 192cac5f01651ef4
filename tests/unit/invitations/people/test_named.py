"""People named by handle, DID or link: the stored graph first, then Bluesky, each name with its own outcome."""

import dataclasses

import pytest
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.invitations.people import named, pasted

CAROL = "did:plc:carol"


@pytest.fixture
def find(alice):
    """`find("bob.example carol.example")`: what each name became, by its text."""

    def look(text):
        return {one.entry.text: one for one in named.find(alice.pk, pasted.read(text))}

    return look


def test_who_is_stored_costs_one_request_for_all_handles(find, friends, graph):
    found = find(f"@Bob.Example {CAROL} https://bsky.app/profile/dan.example")
    assert [one.person.did for one in found.values()] == ["did:plc:bob", CAROL, "did:plc:dan"]
    assert [sorted(names) for _, names in friends.asked] == [["did:plc:bob", "did:plc:dan"]]


def test_a_stored_handle_that_moved_leads_to_its_owner_of_now(find, friends, graph):
    """The graph has it until the next pass."""
    owner = dataclasses.replace(somebody("owner"), handle="bob.example")
    friends.people = [
        dataclasses.replace(one, handle="former.example") if one.handle == "bob.example" else one
        for one in friends.people
    ] + [owner]
    assert KnownPerson.objects.get(did="did:plc:bob").handle == "bob.example"
    assert find("bob.example")["bob.example"].person.did == owner.did
    friends.people.remove(owner)
    assert find("bob.example")["bob.example"].person is None


def test_who_is_not_stored_is_asked_for_in_few_requests(find, friends, graph):
    friends.people += [somebody(f"s{n}", follows_you=False, you_follow=False) for n in range(60)]
    found = find("bob.example " + " ".join(f"s{n}.example" for n in range(60)))
    assert all(one.person for one in found.values())
    assert [len(names) for _, names in friends.asked] == [1, 25, 25, 10]


def test_somebody_new_is_stored_with_nobody_and_found(find, friends, graph):
    friends.people.append(somebody("new"))
    assert find("new.example")["new.example"].person.mutual
    assert not KnownPerson.objects.filter(did="did:plc:new").exists(), "a sync adds her in her place"


def test_a_stored_stranger_may_know_the_host_by_now(find, friends, alice):
    friends.people.append(somebody("eve"))
    graph_with(alice, [somebody("eve", follows_you=False, you_follow=False)])
    assert find("eve.example")["eve.example"].person.mutual


def test_a_handle_that_two_have_in_the_graph_is_asked_for(find, friends, graph):
    KnownPerson.objects.filter(did="did:plc:dan").update(handle="carol.example")
    assert find("carol.example")["carol.example"].person.did == CAROL
    assert friends.asked


def test_a_handle_that_moved_leads_to_its_owner_of_now(find, friends, graph):
    owner, former = somebody("owner"), somebody("former")
    friends.people += [dataclasses.replace(owner, handle="wanted.example"), former]
    friends.former["wanted.example"] = former
    assert find("wanted.example")["wanted.example"].person.did == owner.did


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nobody.example", "Bluesky has no account called nobody.example."),
        ("did:plc:nobody", "Bluesky has no account called did:plc:nobody."),
        ("ana", "This is not a handle"),
        ("ana@example.org", "This is not a handle"),
    ],
)
def test_a_name_that_leads_to_nobody_says_why(find, friends, graph, text, sentence):
    found = find(f"bob.example\n{text}")
    assert found["bob.example"].person
    assert found[text].person is None
    assert found[text].sentence.startswith(sentence)


def test_when_the_time_is_over_those_before_are_found_and_the_others_say_so(find, friends, graph):
    friends.people += [somebody(f"new{n}") for n in range(12)]
    friends.answers_left = 3  # of the stored one, of all profiles, and of the first few owners
    found = find("bob.example " + " ".join(f"new{n}.example" for n in range(12)))
    assert found["bob.example"].person
    reached = [one for one in found.values() if one.person]
    assert len(reached) == 1 + named.NAMES_PER_LOOKUP
    assert {one.sentence for one in found.values() if not one.person} == {"This page waited 3 seconds and gave up."}


def test_without_the_network_the_graph_still_answers(find, friends, graph):
    friends.down = GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.")
    found = find("bob.example nobody.example ana")
    assert found["bob.example"].person
    assert found["nobody.example"].sentence == "Your server does not answer. Try again in a minute."
    assert found["ana"].sentence.startswith("This is not a handle")


def test_the_number_of_queries_does_not_grow(find, friends, graph, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        find("bob.example did:plc:carol")
    with django_assert_max_num_queries(5):
        find("bob.example carol.example dan.example did:plc:bob did:plc:carol did:plc:dan")


def test_another_members_people_are_not_found(find, friends, graph, make_member):
    other = make_member("other", "did:plc:other")
    graph_with(other, [somebody("theirs")])
    assert find("theirs.example")["theirs.example"].person is None
