"""The guests of the event that is done again: the first list, without who said no or cannot be invited."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara.bluesky.graph.listing import Wanted
from elonara.events import actions as events
from elonara.events.models import Event, EventHost
from elonara.invitations.models import Invitation, State
from elonara.invitations.opt_out_models import OptOut
from elonara.invitations.people import sources
from elonara.invitations.people.earlier_guests import LAST_TIME
from elonara.invitations.targets import Target


@pytest.fixture
def party(past_event):
    return past_event(title="Party")


@pytest.fixture
def second(make_event, party):
    event = make_event(title="Party")
    Event.objects.filter(pk=event.pk).update(repeats=party)
    return Event.objects.get(pk=event.pk)


def test_it_is_the_first_list_and_a_tab(graph, party, second, answers, alice, shown):
    answers(party, did="did:plc:bob")
    answers(party, "maybe", did="did:plc:carol")
    lists = sources.sources(alice, Target(second))
    assert (lists[0].key, lists[0].label, lists[0].count, lists[0].main) == (LAST_TIME, "From last time", 2, True)
    assert next(one.key for one in sources.sources(alice, Target(second), main_only=True)) == LAST_TIME
    assert sorted(shown(LAST_TIME, second)) == ["bob", "carol"]


def test_who_said_no_or_was_declined_is_not_on_it(graph, party, second, answers, shown):
    for choice, name in (("cant", "bob"), ("refused", "carol"), ("waiting", "dan")):
        answers(party, choice, did=f"did:plc:{name}")
    assert shown(LAST_TIME, second) == ["dan"]


@pytest.mark.promise("again-by-hosts")
def test_nor_who_wants_no_invitations_or_cannot_be_invited(alice, people, party, second, answers, shown):
    people += [somebody("eve", blocked_by=True), somebody("fay", muted=True), somebody("gil"), somebody("hal")]
    graph_with(alice, people)
    for name in ("bob", "carol", "dan", "eve", "fay", "gil", "hal", "stranger"):
        answers(party, did=f"did:plc:{name}")
    OptOut.objects.create(did="did:plc:carol", host=alice)
    OptOut.objects.create(did="did:plc:dan")
    answers(second, did="did:plc:gil")
    assert sorted(shown(LAST_TIME, second)) == ["bob", "hal"]


@pytest.fixture
def invited(send, party):
    """`invited("bob")`: a sent invitation to the event of before."""

    def make(*names, to=party, **fields):
        for name in names:
            send(to, name)
        rows = Invitation.objects.filter(event=to, invitee_did__in=[f"did:plc:{name}" for name in names])
        rows.update(**({"state": State.SENT} | fields))

    return make


def test_who_was_invited_and_has_not_answered_is_on_it(graph, second, picnic, invited, answers, party, shown):
    Event.objects.filter(pk=second.pk).update(repeats=picnic)
    second.refresh_from_db()
    invited("bob", "carol", "dan", to=picnic)
    answers(picnic, did="did:plc:bob")
    answers(picnic, "cant", did="did:plc:carol")
    assert sorted(shown(LAST_TIME, second)) == ["bob", "dan"]
    OptOut.objects.create(did="did:plc:dan")
    assert shown(LAST_TIME, second) == ["bob"]


def test_nor_who_said_no_by_the_invitation_or_whose_invitation_was_not_sent(graph, second, picnic, invited, shown):
    Event.objects.filter(pk=second.pk).update(repeats=picnic)
    second.refresh_from_db()
    invited("bob", to=picnic, answer="cant")
    invited("carol", to=picnic, state=State.CANCELLED)
    invited("dan", to=picnic)
    assert shown(LAST_TIME, second) == ["dan"]
    # Where the guests' data was deleted, nobody knows who said no.
    Invitation.objects.filter(event=picnic).update(answer="", invitee_handle="")
    assert shown(LAST_TIME, second) == []


def test_nor_who_is_invited_already(graph, party, second, answers, shown, send):
    answers(party, did="did:plc:bob")
    answers(party, did="did:plc:carol")
    send(second, "bob")
    assert Invitation.objects.count() == 1
    assert shown(LAST_TIME, second) == ["carol"]


def test_a_graph_that_is_not_read_yet_takes_nobody_off_it(alice, party, second, answers, shown):
    answers(party, did="did:plc:zed", handle="zed.example")
    assert shown(LAST_TIME, second) == ["zed"]


@pytest.mark.promise("again-by-hosts")
def test_it_is_there_only_for_who_runs_the_earlier_one(graph, party, second, answers, alice, shown, make_member):
    answers(party, did="did:plc:bob")
    EventHost.objects.filter(event=party).update(member=make_member("zoe", "did:plc:zoe"))
    assert LAST_TIME not in [one.key for one in sources.sources(alice, Target(second))]
    assert shown(LAST_TIME, second) == []


def test_nor_where_nobody_is_on_it_or_nothing_is_done_again(graph, party, second, picnic, answers, alice, shown):
    assert LAST_TIME not in [one.key for one in sources.sources(alice, Target(second))]
    answers(party, did="did:plc:bob")
    assert LAST_TIME not in [one.key for one in sources.sources(alice, Target(picnic))]
    assert shown(LAST_TIME, picnic) == shown(LAST_TIME) == []
    assert sources.has(alice, LAST_TIME)


def test_one_that_is_not_over_counts_too(graph, picnic, make_event, answers, shown):
    event = make_event()
    Event.objects.filter(pk=event.pk).update(repeats=picnic)
    event.refresh_from_db()
    answers(picnic, did="did:plc:bob")
    assert shown(LAST_TIME, event) == ["bob"]
    assert shown("came", event) == []
    events.cancel(picnic, picnic.created_by)
    assert shown(LAST_TIME, event) == ["bob"]


def test_many_guests_take_as_many_queries_as_few(graph, party, second, answers, alice):
    def asked():
        with CaptureQueriesContext(connection) as made:
            found = sources.sources(alice, Target(second), main_only=True)
            sources.page(alice, Target(second), LAST_TIME, Wanted())
        assert found[0].key == LAST_TIME
        return len(made)

    for name in ("bob", "stranger"):
        answers(party, did=f"did:plc:{name}", name="A guest")
    few = asked()
    for number in range(30):
        answers(party, did=f"did:plc:guest{number}", name="A guest")
    assert asked() <= few
