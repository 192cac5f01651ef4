"""The site's own searches fold as the picker does: events, communities, and members in the admin."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from elonara import folding
from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as community_actions
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import actions as event_actions
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.members import actions as member_actions
from elonara.members.models import Member
from elonara.search_columns import fill

FOUND = [
    ("Łukasz’ Geburtstag", "lukasz"), ("ÉVA bakes", "eva"), ("eva bakes", "ÉVA"), ("İstanbul at night", "istanbul"),
    ("ISTANBUL", "ıstanbul"), ("Вечер поэзии", "ПОЭЗИИ"), ("Βραδιά ποίησης", "ποιησησ"), ("お花見ピクニック", "花見"),
    ("お花見ピクニック", "ﾋﾟｸﾆｯｸ"), ("Straßenfest", "strassen"), ("Winter picnic", "picnic winter"),
    ("Winter picnic", "pic win"), ("100% rye", "100%"), ("under_score", "_score"), ("Rock 'n' roll", "rock roll"),
]  # fmt: skip
NOT_FOUND = [("100 percent rye", "100%"), ("underXscore", "r_sc"), ("Winter picnic", "summer picnic")]


@pytest.fixture
def alice(db):
    return Member.objects.create_user("alice", display_name="Alice")


@pytest.fixture
def event(alice):
    def make(title, days=10, **fields):
        starts_at = timezone.now() + timedelta(days=days)
        return event_actions.create(alice, title=title, starts_at=starts_at, timezone="UTC", **fields)

    return make


def titles(query, rows=None):
    return [row.title for row in (events.upcoming_public(query) if rows is None else events.matching(rows, query))]


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize(("title", "query"), FOUND)
def test_an_event_and_a_community_are_found(alice, event, title, query):
    event(title)
    event("Something else")
    community_actions.create(alice, name=title)
    community_actions.create(alice, name="Something else")
    assert titles(query) == [title]
    assert [row.name for row in communities.public(query)] == [title]


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize(("title", "query"), NOT_FOUND)
def test_what_differs_is_not_found(event, title, query):
    event(title)
    assert titles(query) == []


def test_place_and_description_are_searched_and_words_may_be_in_different_ones(event):
    event("Winter picnic", location="Café Łódź", description="Bring **żurek** and bread.")
    for query in ("lodz", "zurek", "bread picnic cafe"):
        assert titles(query) == ["Winter picnic"]


def test_the_title_goes_before_place_and_description_and_then_the_time(event):
    event("Soup", days=1, description="with shortbread")
    event("Walk", days=2, description="Bread at the end")
    event("Sweetbread", days=3)
    event("Bread and salt", days=9)
    event("Rye bread", days=8)
    assert titles("bread") == ["Rye bread", "Bread and salt", "Sweetbread", "Walk", "Soup"]
    past = Event.objects.order_by("-starts_at")
    assert titles("bread", past) == ["Bread and salt", "Rye bread", "Sweetbread", "Walk", "Soup"]


def test_no_words_are_no_search(event):
    event("Soup")
    for query in ("", "  ", "\u200b", "\0"):
        assert titles(query) == ["Soup"]


def test_a_change_is_found_at_once_and_the_old_name_no_more(alice, event):
    picnic, circle = event("Picnic"), community_actions.create(alice, name="Bakers")
    event_actions.change(picnic, by=alice, title="Пикник")
    community_actions.change(circle, by=alice, name="Пекари")
    member_actions.update_profile(alice, display_name="Алиса")
    assert (titles("пикник"), titles("picnic")) == (["Пикник"], [])
    assert [row.name for row in communities.public("ПЕКАРИ")] == ["Пекари"]
    assert not communities.public("bakers")
    assert "алиса" in Member.objects.get().search_text


def test_what_a_list_has_loaded_can_be_saved_as_a_whole(event):
    event("Picnic")
    row = events.upcoming_public().get()
    row.title = "Брод"
    row.save()
    assert titles("брод") == ["Брод"]


def test_rows_written_together_are_found(alice):
    Community.objects.bulk_create([Community(slug="e", name="Éva’s", created_by=alice)])
    assert Community.objects.get().search_name == folding.index_text("Éva’s")


def test_hidden_and_private_events_stay_hidden(alice, event):
    event("Secret bread", visibility="private")
    hidden = event("Hidden bread")
    Event.objects.filter(pk=hidden.pk).update(hidden_at=timezone.now())
    event_actions.cancel(event("Cancelled bread"), alice)
    community_actions.create(alice, name="Secret bread", visibility="private")
    assert titles("bread") == []
    assert not communities.public("bread")


def test_rows_from_before_are_folded_by_the_migration(event):
    for number in range(5):
        event(f"Éva {number}")
    Event.objects.update(search_name="", search_text="")
    assert titles("eva") == []
    fill(Event.objects.all(), {"search_name": ("title",), "search_text": ("title", "location", "description")})
    assert len(titles("eva")) == 5
    assert titles("eva 3") == ["Éva 3"]


def test_lists_read_no_search_columns(event):
    event("Picnic")
    with CaptureQueriesContext(connection) as seen:
        list(events.upcoming_public())
        list(communities.public())
    read = [column for one in seen for column in ("event", "community") if f'_{column}"."search_' in one["sql"]]
    assert not read


@pytest.mark.parametrize(
    ("query", "found"),
    [("lukasz", ["lw"]), ("wojcik luk", ["lw"]), ("LW", ["lw"]), ("lw@example.org", ["lw"]), ("woj example", ["lw"]),
     ("@luk.example", ["lw"]), ("did:plc:luk", ["lw"]), ("nobody", [])],
)  # fmt: skip
def test_operators_find_members(admin_client, query, found):
    lukasz = Member.objects.create_user("lw", email="lw@example.org", display_name="Łukasz Wójcik")
    MemberIdentity.objects.create(member=lukasz, bsky_did="did:plc:luk", bsky_handle="luk.example")
    response = admin_client.get("/admin/elonara/member/", {"q": query})
    assert [row.username for row in response.context["cl"].result_list] == found


def test_operators_find_events_and_communities(admin_client, alice, event):
    event("Éva’s picnic", visibility="private")
    community_actions.create(alice, name="Éva’s circle")
    for kind in ("event", "community"):
        response = admin_client.get(f"/admin/elonara/{kind}/", {"q": "eva"})
        assert len(response.context["cl"].result_list) == 1
