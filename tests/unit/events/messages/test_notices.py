"""Notices to guests about changes of an event."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.members.queries import open_notices


def notices_of(member):
    return [notice.text for notice in open_notices(member)]


@pytest.fixture
def guests(picnic, alice, make_member):
    """Bob is going, Carol maybe, Dora can't; Alice goes to her own picnic, and Gil has no account."""
    people = {name: make_member(name) for name in ("bob", "carol", "dora")}
    for member, choice in (
        (alice, "going"),
        (people["bob"], "going"),
        (people["carol"], "maybe"),
        (people["dora"], "cant"),
    ):
        rsvps.respond(picnic, choice=choice, member=member)
    rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)
    return people


def test_guests_are_notified_of_a_cancellation(picnic, alice, guests, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.cancel(picnic, alice)
    assert notices_of(guests["bob"]) == notices_of(guests["carol"]) == ["Picnic was cancelled."]
    assert notices_of(guests["dora"]) == notices_of(alice) == []


def test_guests_get_one_notice_with_the_latest_time_and_place(
    picnic, alice, guests, soon, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(picnic, by=alice, location="Beach")
        actions.change(picnic, by=alice, starts_at=soon + timedelta(hours=1), location="Hill")
    [text] = notices_of(guests["bob"])
    assert text.startswith("Picnic has changed: ")
    assert text.endswith(" (Berlin time), Hill.")
    assert open_notices(guests["bob"]).get().link == "/events/picnic"


def test_nobody_is_notified_of_a_new_description(picnic, alice, guests, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(picnic, by=alice, description="Cake.", title="Big picnic")
    assert notices_of(guests["bob"]) == []


def test_notifying_many_guests_takes_no_more_statements(picnic, alice, make_member, django_capture_on_commit_callbacks):
    def statements(event):
        with django_capture_on_commit_callbacks() as callbacks:
            actions.cancel(event, alice)
        with CaptureQueriesContext(connection) as queries:
            for callback in callbacks:
                callback()
        return len(queries)

    other = actions.create(alice, title="Lunch", starts_at=picnic.starts_at, timezone="UTC")
    rsvps.respond(other, choice="going", member=make_member())
    for _ in range(20):
        rsvps.respond(picnic, choice="going", member=make_member())
    assert statements(picnic) == statements(other)
