"""The host's guest list: filters in the tab, in the table for a spreadsheet and on the page to print."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import questions
from elonara.events.models import GivenAnswer, Rsvp


@pytest.fixture
def guests(picnic, make_member):
    """Änne and Bob are going, Cora may, Dan cannot; Änne has answered what is asked."""
    rows = {
        "anne": Rsvp.objects.create(event=picnic, did="did:plc:a", name="Änne", choice="going", plus_ones=2),
        "bob": Rsvp.objects.create(event=picnic, member=make_member("bob"), choice="going"),
        "cora": Rsvp.objects.create(event=picnic, added_by_host=True, name="Cora", choice="maybe"),
        "dan": Rsvp.objects.create(event=picnic, did="did:plc:d", name="Dan", choice="cant"),
    }
    (row,) = questions.ask(picnic, picnic.created_by, [{"text": "Diet?", "required": True}])
    GivenAnswer.objects.create(rsvp=rows["anne"], question=row, value="Vegan <b>")
    return rows


@pytest.fixture
def tab(picnic):
    return f"/events/{picnic.slug}/manage?tab=guests"


NAMES = {"Änne", "bob", "Cora", "Dan"}


def shown(response):
    page = page_text(response)
    return {name for name in NAMES if f"<bdi>{name}</bdi>" in page}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", NAMES),
        ("answer=going", {"Änne", "bob"}),
        ("answer=maybe", {"Cora"}),
        ("answer=cant&by=bluesky", {"Dan"}),
        ("by=member", {"bob"}),
        ("by=name", {"Cora"}),
        ("unanswered=1", {"bob"}),
        ("q=ANNE", {"Änne"}),
        ("q=o", set()),
        ("q=bo&answer=going", {"bob"}),
        ("answer=never&by=x&unanswered=maybe", NAMES),
    ],
)
def test_filters_hold_in_the_tab_and_in_the_table(signed_in, alice, picnic, guests, tab, query, names):
    browser = signed_in(alice)
    assert shown(browser.get(f"{tab}&{query}")) == names
    table = browser.get(f"/events/{picnic.slug}/guests.csv?{query}")
    lines = table.content.decode().splitlines()[1:]
    assert {line.partition(",")[0] for line in lines} == names
    assert table.content.startswith(b"\xef\xbb\xbf")


def test_what_is_chosen_stands_in_the_form_and_in_the_links(signed_in, alice, picnic, guests, tab):
    page = page_text(signed_in(alice).get(f"{tab}&q=anne&answer=going&by=bluesky"))
    assert '<option value="going" selected>' in page
    assert '<option value="bluesky" selected>' in page
    kept = "?q=anne&amp;answer=going&amp;by=bluesky"
    assert f'href="/events/{picnic.slug}/guests.csv{kept}"' in page
    assert f'href="/events/{picnic.slug}/guests/print{kept}"' in page
    assert 'href="?tab=guests">Clear the filters</a>' in page
    page = page_text(signed_in(alice).get(f"{tab}&q=nobody"))
    assert "No guest matches" in page
    assert 'href="?tab=guests">Clear the filters</a>' in page
    assert "guests.csv" not in page


def test_pages_keep_the_filters(signed_in, alice, picnic, tab):
    Rsvp.objects.bulk_create(
        Rsvp(event=picnic, did=f"did:plc:{n}", name=f"Guest {n}", choice="going") for n in range(120)
    )
    page = page_text(signed_in(alice).get(f"{tab}&q=guest&answer=going"))
    assert 'rel="next" href="?tab=guests&amp;q=guest&amp;answer=going&amp;page=2#g"' in page
    page = page_text(signed_in(alice).get(f"{tab}&q=guest&answer=going&page=2"))
    assert "Page 2 of 2" in page


class TestTheListToPrint:
    def test_has_who_is_going_with_people_and_answers(self, signed_in, alice, picnic, guests):
        response = signed_in(alice).get(f"/events/{picnic.slug}/guests/print")
        page = page_text(response)
        assert shown(response) == {"Änne", "bob"}
        assert "Going: 4 people, including those guests bring." in page
        assert "Diet?<strong>Vegan &lt;b&gt;</strong>" in page
        assert page.count('class="box"') == 2
        assert response["Cache-Control"] == "private, no-store"
        assert "print.css" in page
        for part in ("<nav", "<script", "style=", 'class="bar"', "<form"):
            assert part not in page

    def test_holds_the_filters_and_leads_back_to_them(self, signed_in, alice, picnic, guests):
        address = f"/events/{picnic.slug}/guests/print"
        response = signed_in(alice).get(f"{address}?answer=maybe&by=name&q=CORA")
        assert shown(response) == {"Cora"}
        assert "Maybe: 1 person, including those guests bring." in page_text(response)
        assert f'href="/events/{picnic.slug}/manage?tab=guests&amp;q=CORA&amp;answer=maybe&amp;by=name"' in page_text(
            response
        )
        assert shown(signed_in(alice).get(f"{address}?unanswered=1")) == {"bob"}
        assert "Can’t: 1 person." in page_text(signed_in(alice).get(f"{address}?answer=cant"))
        assert "No guest is on this list." in page_text(signed_in(alice).get(f"{address}?q=nobody"))

    def test_is_for_the_hosts_alone(self, client, signed_in, alice, picnic, guests, make_member):
        address = f"/events/{picnic.slug}/guests/print"
        assert client.get(address).status_code == 302
        for member in (guests["bob"].member, make_member("mallory")):
            response = signed_in(member).get(address)
            assert response.status_code == 403
            assert "Änne" not in page_text(response)
        actions.change(picnic, by=alice, visibility="private")
        assert signed_in(make_member("stranger")).get(address).status_code == 404
        assert signed_in(alice).post(address).status_code == 405


@pytest.mark.parametrize("path", ["manage?tab=guests&answer=going&unanswered=1", "manage?tab=guests&q=guest",
                                  "guests/print?q=guest", "guests.csv?by=bluesky"])  # fmt: skip
def test_as_many_queries_for_many_guests(signed_in, alice, picnic, path):
    questions.ask(picnic, alice, [{"text": "Diet?", "required": True}])
    browser, numbers = signed_in(alice), []
    for first, last in ((0, 1), (1, 10), (10, 100)):
        Rsvp.objects.bulk_create(
            Rsvp(event=picnic, did=f"did:plc:{n}", name=f"Guest {n}", choice="going") for n in range(first, last)
        )
        browser.get(f"/events/{picnic.slug}/{path}")
        with CaptureQueriesContext(connection) as seen:
            assert "Guest 0" in browser.get(f"/events/{picnic.slug}/{path}").content.decode()
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] == numbers[2]
