"""Lists of events and communities have pages and a search; nothing is out of reach."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.communities.models import Community, Membership
from elonara.events.models import Event, EventHost
from elonara.web.communities.views import FIRST_OF_MINE

PAGE = 24


@pytest.fixture
def many(alice):
    """Makes events of alice, numbered, an hour apart."""

    def make(count, start):
        events = [
            Event(
                slug=f"event-{n}", title=f"Event number {n}.", starts_at=start + timedelta(hours=n), timezone="UTC",
                location="Hall" if n % 2 else "Park", created_by=alice, created_at=timezone.now(),
            )
            for n in range(count)
        ]  # fmt: skip
        Event.objects.bulk_create(events)
        EventHost.objects.bulk_create(
            EventHost(event=event, member=alice, role="host", accepted_at=timezone.now()) for event in events
        )

    return make


def walked(client, address):
    """What the pages name, one page after the other by "Next"."""
    pages = []
    while address:
        text = page_text(client.get(address))
        pages.append([part.partition(".")[0] for part in text.split("Event number ")[1:]])
        _, found, rest = text.partition('rel="next" href="')
        address = address.partition("?")[0] + rest.partition('"')[0].replace("&amp;", "&") if found else ""
    return pages


@pytest.mark.parametrize(("query", "start"), [("", 1), ("?show=past", -30), ("?show=mine", 1)])
def test_the_last_of_sixty_events_is_reached_by_pages(client, signed_in, alice, many, query, start):
    many(60, timezone.now() + timedelta(days=start))
    signed_in(alice)
    pages = walked(client, f"/events{query}")
    assert [len(set(page)) for page in pages] == [PAGE, PAGE, 60 - 2 * PAGE]
    assert len({name for page in pages for name in page}) == 60


@pytest.mark.parametrize("show", ["", "show=past&", "show=mine&"])
def test_a_search_has_pages_that_keep_it(client, signed_in, alice, many, show):
    many(60, timezone.now() + timedelta(days=-30 if "past" in show else 1))
    signed_in(alice)
    pages = walked(client, f"/events?{show}q=HALL")
    assert {int(name) % 2 for page in pages for name in page} == {1}
    assert sum(len(set(page)) for page in pages) == 30


@pytest.mark.parametrize("page", ["0", "-1", "99999", "x", "1e3", "٣"])
def test_a_page_that_is_not_there_is_the_first_or_the_last(client, many, page):
    many(30, timezone.now() + timedelta(days=1))
    assert "Event number " in page_text(client.get("/events", {"page": page}))


def test_a_page_of_a_list_takes_as_many_queries_with_more_rows(client, django_assert_max_num_queries, many):
    many(3, timezone.now() + timedelta(days=1))
    client.get("/events")
    with django_assert_max_num_queries(4):
        client.get("/events")
    Event.objects.all().delete()
    many(60, timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(4):
        client.get("/events?page=2")


@pytest.fixture
def circles(alice):
    """Sixty communities of alice."""
    rows = [Community(slug=f"c-{n}", name=f"Circle {n:03}", created_by=alice) for n in range(60)]
    Community.objects.bulk_create(rows)
    Membership.objects.bulk_create(Membership(community=row, member=alice, role="admin") for row in rows)
    return rows


def names_in(response):
    return re.findall(r"Circle [0-9]{3}", page_text(response))


def test_ones_own_communities_have_pages_and_a_search(signed_in, alice, make_member, circles):
    bob = make_member("bob")
    Community.objects.create(slug="bakers", name="Bakers", created_by=bob)
    client = signed_in(alice)
    page = client.get("/communities")
    assert names_in(page) == [f"Circle {n:03}" for n in range(FIRST_OF_MINE)]
    assert "Bakers" in page_text(page)
    assert 'href="?show=mine"' in page.content.decode()
    second = client.get("/communities?show=mine&page=3")
    assert names_in(second) == [f"Circle {n:03}" for n in range(48, 60)]
    assert "Bakers" not in page_text(second)
    assert 'href="?show=mine&amp;page=2"' in second.content.decode()
    found = client.get("/communities", {"q": "circle 05"})
    assert names_in(found) == [f"Circle {n:03}" for n in range(50, 60)]
    assert "No other community matches “circle 05”" in page_text(found)
    assert names_in(client.get("/communities", {"q": "05", "show": "mine"})) == names_in(found)
    none = client.get("/communities", {"q": "bakers", "show": "mine"})
    assert "None of yours matches “bakers”" in page_text(none)
    assert "/communities/bakers" not in none.content.decode()
    assert '<input type="hidden" name="show" value="mine">' in none.content.decode()
    assert '<a class="textlink" href="/communities">All communities</a>' in none.content.decode()


def test_who_belongs_to_a_few_communities_sees_them_all_at_once(signed_in, alice, make_member):
    bob = make_member("bob")
    rows = [Community(slug=f"c-{n}", name=f"Circle {n:03}", created_by=bob) for n in range(FIRST_OF_MINE)]
    Community.objects.bulk_create(rows)
    Membership.objects.bulk_create(Membership(community=row, member=alice) for row in rows)
    page = signed_in(alice).get("/communities")
    assert len(names_in(page)) == FIRST_OF_MINE
    assert "show=mine" not in page.content.decode()


def test_communities_have_pages_and_a_search(client, circles):
    assert "Circle 059" in page_text(client.get("/communities?page=3"))
    found = page_text(client.get("/communities", {"q": "circle 05"}))
    assert "Circle 058" in found
    assert "Circle 041" not in found
    assert "No community matches “nothing”" in page_text(client.get("/communities", {"q": "nothing"}))


def test_the_profile_shows_the_next_event_first_and_past_ones_apart(signed_in, alice, many):
    many(6, timezone.now() - timedelta(hours=2.5))
    Event.objects.filter(slug="event-2").update(status=Event.Status.CANCELLED)
    Event.objects.filter(slug="event-5").update(visibility="private")
    Event.objects.filter(slug="event-0").update(starts_at=timezone.now() - timedelta(days=9))
    Event.objects.filter(slug="event-1").update(starts_at=timezone.now() - timedelta(days=2))
    page = signed_in(alice).get("/profile").content.decode()
    coming, over = page.split("Past events")
    assert re.findall(r"Event number ([0-9])\.", coming) == ["2", "3", "4", "5"]
    assert re.findall(r"Event number ([0-9])\.", over) == ["1", "0"]


def test_a_list_without_public_events_shows_the_viewers_own(client, signed_in, alice, supper, request):
    assert "Your next ones are below" not in page_text(client.get("/events"))
    assert supper.title not in page_text(client.get("/events"))
    page = page_text(signed_in(alice).get("/events"))
    assert "No public events yet" in page
    assert page.index("Your next ones are below, private ones too.") < page.index(supper.title)
    assert "See all of yours" in page
    assert supper.title not in page_text(client.get("/events?q=soup"))
    picnic = request.getfixturevalue("picnic")
    page = page_text(client.get("/events"))
    assert picnic.title in page
    assert supper.title not in page
