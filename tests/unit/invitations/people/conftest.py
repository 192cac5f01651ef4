"""Alice's site, with a stored graph of the people she knows."""

from datetime import timedelta

import pytest
from tests.fakes.known import graph_with

from elonara.bluesky.graph.listing import Wanted
from elonara.events.models import Event, Rsvp
from elonara.invitations.people import sources
from elonara.invitations.targets import Target


@pytest.fixture
def site(set_options, clock, db):
    """As in the tests of invitations, but every test in one transaction: nothing here needs a commit."""
    set_options(
        site={"url": "https://events.example"},
        invitations={"spacing_seconds": 0, "per_day": 200, "first_week_per_day": 200, "per_week": 1000},
    )


@pytest.fixture
def graph(alice, people):
    """Alice's stored graph: everybody in `people`."""
    return graph_with(alice, people)


@pytest.fixture
def past_event(make_event, clock):
    """`past_event(host, days=3)`: an event that began some days ago."""

    def make(host=None, days=3, **fields):
        event = make_event(host=host)
        starts = clock.now() - timedelta(days=days)
        Event.objects.filter(pk=event.pk).update(starts_at=starts, **fields)
        return Event.objects.get(pk=event.pk)

    return make


@pytest.fixture
def answers():
    """`answers(event, "going", did=…, member=…)`: an answer that was given in time."""

    def make(event, choice="going", **fields):
        return Rsvp.objects.create(event=event, choice=choice, **fields)

    return make


@pytest.fixture
def shown(alice):
    """`shown("came", picnic, q="bo")`: the names before the dot of the handles on a page, or of the DIDs."""

    def read(key, target=None, *, host=None, among="", **wanted):
        page = sources.page(host or alice, Target(target) if target else None, key, Wanted(**wanted), among=among)
        return [person.did.removeprefix("did:plc:") for person in page.people]

    return read


@pytest.fixture
def counts(alice):
    """`counts(picnic)`: key → count of each list."""

    def read(target=None, host=None):
        return {one.key: one.count for one in sources.sources(host or alice, Target(target) if target else None)}

    return read
