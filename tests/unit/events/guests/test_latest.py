"""Who answered lately, as a host reads it on her front page."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from elonara.events import actions
from elonara.events.guests import by_host, rsvps
from elonara.events.guests.latest import LATELY, SHOWN, latest
from elonara.events.models import Rsvp


def names(host):
    return [(one.name, one.choice, one.title) for one in latest(host)]


def test_the_newest_come_first_from_every_event_that_she_runs(make_event, make_member, alice, picnic):
    bob, carol = make_member("bob"), make_member("carol")
    dinner = make_event(host=bob, title="Dinner")
    actions.add_cohost(dinner, by=bob, member=alice)
    rsvps.respond(dinner, choice="going", member=carol)
    assert names(alice) == []  # she was asked, and has not accepted
    actions.accept_cohost(dinner, by=alice)
    rsvps.respond(picnic, choice="maybe", member=bob)
    rsvps.respond(picnic, choice="cant", did="did:plc:dan", handle="dan.example", name="")
    assert names(alice) == [("dan.example", "cant", "Picnic"), ("bob", "maybe", "Picnic"), ("carol", "going", "Dinner")]
    assert names(carol) == []


def test_her_own_and_those_that_hosts_wrote_are_no_news(picnic, alice):
    rsvps.respond(picnic, choice="going", member=alice)
    by_host.add(picnic, alice, name="Grandma", choice="going")
    assert names(alice) == []


def test_old_ones_and_more_than_fit_are_left_out_in_one_query(picnic, make_member, alice):
    for number in range(SHOWN + 2):
        rsvps.respond(picnic, choice="going", member=make_member(f"guest{number}"))
    with CaptureQueriesContext(connection) as seen:
        assert len(latest(alice)) == SHOWN
    assert len(seen) == 1
    assert "going_count" not in seen[0]["sql"]
    Rsvp.objects.update(answered_at=timezone.now() - LATELY - timedelta(minutes=1))
    assert latest(alice) == []
