"""Long guest lists have pages, which work without scripts; the calendar sheet agrees with the words beside it."""

import re
from datetime import UTC, datetime

import pytest
from tests.pages import page_text

from elonara.events import actions as events
from elonara.events.models import Rsvp
from elonara.members.models import Member


@pytest.fixture
def crowd(picnic):
    members = Member.objects.bulk_create([Member(username=f"guest{n:03}", password="!") for n in range(130)])
    Rsvp.objects.bulk_create(Rsvp(event=picnic, member=member, choice="going") for member in members)
    return picnic


@pytest.mark.parametrize("tab", ["", "/manage?tab=guests"])
def test_following_next_names_every_guest_once(signed_in, alice, crowd, tab):
    browser, address, seen = signed_in(alice), f"/events/{crowd.slug}{tab}", []
    base = address.partition("?")[0]
    while address:
        html = browser.get(address).content.decode()
        listed = html[html.index('class="people"') if not tab else html.index("<tbody>") :]
        seen += re.findall(r"<bdi>(guest\d+)</bdi>", listed)
        following = re.search(r'rel="next" href="([^"#]+)', html)
        address = base + following[1].replace("&amp;", "&") if following else ""
    assert sorted(seen) == sorted({f"guest{n:03}" for n in range(130)})


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("number", ["0", "-1", "999999", "x", "", "\u0663", "1e9", "9" * 400])
def test_any_page_number_is_answered(signed_in, alice, crowd, number):
    browser = signed_in(alice)
    for address in (f"/events/{crowd.slug}", f"/events/{crowd.slug}/manage"):
        response = browser.get(address, {"tab": "guests", "page": number})
        assert response.status_code == 200
        assert re.search(r"guest\d\d\d", page_text(response))


def test_strangers_find_no_names_on_any_page(client, crowd):
    for number in (1, 2, 9):
        assert "guest0" not in client.get(f"/events/{crowd.slug}?page={number}").content.decode()


@pytest.mark.parametrize(("coming", "more"), [(1, ""), (3, ""), (5, "and 2 more")])
def test_under_who_is_going_hosts_find_nobody_who_is_not(signed_in, alice, picnic, coming, more):
    choices = {"can't": "cant", "waits": "waiting"} | {f"comes{n}": ("going", "maybe")[n % 2] for n in range(coming)}
    for name, choice in choices.items():
        member = Member.objects.create_user(name.replace("'", ""), display_name=name)
        Rsvp.objects.create(event=picnic, member=member, choice=choice)
    html = signed_in(alice).get(f"/events/{picnic.slug}").content.decode()
    row = html[html.index('class="avatars"') : html.index('class="people"')]
    words = " ".join(row[: row.index("</p>")].split())
    assert len(re.findall("<bdi>comes", words)) == min(coming, 3)
    assert "<bdi>can" not in words
    assert "<bdi>waits" not in words
    assert re.findall(r"and \d+ more", words) == ([more] if more else [])
    assert html.count("<bdi>waits</bdi>") == 1  # in the list of everyone who answered


def test_the_calendar_sheet_shows_the_day_of_the_words(client, alice):
    starts = datetime(2031, 5, 4, 15, 30, tzinfo=UTC)  # the fifth in Tokyo
    event = events.create(alice, title="Breakfast", starts_at=starts, timezone="Asia/Tokyo", visibility="public")
    for address in (f"/events/{event.slug}", "/"):
        html = client.get(address).content.decode()
        assert "<b>5</b>" in html
        assert 'datetime="2031-05-05T00:30+0900"' in html
