"""The preview beside the form of an event, and what a host is told of places after an edit."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.covers.choice import cover_of
from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.models import Event
from elonara.web.parts.audiences import told_of_change

FIELDS = {
    "go": "preview", "title": "Winter picnic", "starts_at": "2040-12-11T15:00", "timezone": "Europe/Lisbon",
    "location": "Boathouse lawn", "visibility": "public", "attendance": "place", "mood": "any",
}  # fmt: skip


@pytest.fixture
def ask(signed_in, alice):
    """`ask(title="…")`: the preview of the form of a new event with these fields."""
    client = signed_in(alice)
    return lambda where="/events/create", **fields: client.post(where, FIELDS | fields)


def test_it_shows_what_guests_will_see_and_stores_nothing(ask):
    response = ask()
    assert response.status_code == 200
    page = page_text(response)
    for words in ("Winter picnic", "Tue 11 Dec", "15:00", "Boathouse lawn"):
        assert words in page or words.replace("Tue ", "") in page
    assert re.search(r'src="/static/covers/[\w.-]+\.svg', response.content.decode())
    assert not Event.objects.exists()


def test_the_covers_to_choose_from_are_those_of_the_title(ask, signed_in, alice, picnic):
    moods = ("any", "calm", "lively", "evening", "outdoors")
    page = ask().content.decode()
    for mood in moods:
        assert f'data-cover-{mood}="/static/{cover_of("Winter picnic", mood).file}?' in page
    Event.objects.filter(pk=picnic.pk).update(mood="calm")
    for address, title in (("/events/create", ""), (f"/events/{picnic.slug}/edit", picnic.title)):
        form = page_text(signed_in(alice).get(address))
        for mood in moods:
            assert f'data-mood="{mood}" src="/static/{cover_of(title, mood).file}?' in form
    assert re.search(r'value="calm"[^>]* checked', form)


def test_what_is_missing_or_wrong_is_left_out(ask):
    page = page_text(ask(title="", starts_at="tomorrow"))
    assert "Your event" in page
    assert "Boathouse" not in page, "without a time there are no facts yet"
    assert "error" not in ask(title="").content.decode()


def test_a_hidden_place_is_not_in_it(ask):
    page = page_text(ask(place_hidden="on"))
    assert "Boathouse" not in page
    assert "The place is not public" in page


@pytest.mark.parametrize("ends", ["2040-12-12T00:00", "", "2040-12-01T00:00"])
def test_whole_days(ask, ends):
    assert "11" in page_text(ask(all_day="on", ends_at=ends))


@pytest.mark.parametrize(
    "wrong",
    [
        {"plus_ones_allowed": "30"}, {"fill_cutoff_hours": "-1"}, {"ends_at": "x"}, {"attendance": "zz"},
        {"fills": "offer", "offer_hours": "999"}, {"ends_at": "9999-12-31T00:00"}, {"starts_at": "0001-01-01T00:00"},
        {"starts_at": "9999-12-31T23:00", "timezone": "America/New_York"}, {"timezone": "Mars/Olympus"},
        {"title": "a\x00b"}, {"title": "x" * 5000},
    ],
)  # fmt: skip
@pytest.mark.parametrize("days", [{"all_day": "on"}, {}])
def test_what_is_wrong_in_one_field_breaks_nothing(ask, wrong, days):
    assert ask(**wrong, **days).status_code == 200
    assert ask(**wrong, **days, go="").status_code == 200, "the form says what is wrong"
    assert not Event.objects.exists()


def test_what_cannot_be_changed_and_the_stored_picture_are_shown(ask, picnic, alice, signed_in, make_member):
    Event.objects.filter(pk=picnic.pk).update(picture="pictures/lake.jpg", visibility="private")
    for where in ("edit", "again"):
        assert (
            f'src="/events/{picnic.slug}/picture"'
            in ask(f"/events/{picnic.slug}/{where}", same_picture="on").content.decode()
        )
    assert f'src="/events/{picnic.slug}/picture"' not in ask(f"/events/{picnic.slug}/again").content.decode()
    bob = make_member("bob")
    actions.add_cohost(picnic, by=alice, member=bob)
    actions.accept_cohost(picnic, by=bob)
    page = page_text(signed_in(bob).post(f"/events/{picnic.slug}/edit", FIELDS))
    assert "Private" in page


def test_words_of_hers_are_escaped(ask):
    assert "<script>alert" not in ask(title="<script>alert(1)</script>").content.decode()


def test_an_edit_shows_it_and_changes_nothing(ask, picnic):
    event, before = picnic, picnic.title
    assert "Winter picnic" in page_text(ask(f"/events/{event.slug}/edit"))
    assert "Winter picnic" in page_text(ask(f"/events/{event.slug}/again"))
    event.refresh_from_db()
    assert (event.title, Event.objects.count()) == (before, 1)


def test_it_is_for_who_may_fill_in_the_form(client, signed_in, make_member, picnic):
    assert client.post("/events/create", FIELDS).status_code == 302
    mallory = signed_in(make_member("mallory"))
    assert mallory.post(f"/events/{picnic.slug}/edit", FIELDS).status_code == 403


def test_the_cover_is_not_folded_away(signed_in, alice):
    page = signed_in(alice).get("/events/create").content.decode()
    head = page[: page.index('id="id_picture"')]
    assert head.count("<details") == head.count("</details"), "no fold is open around it"


def filled_in(client, event):
    """What the form for changing the event sends when nothing was changed."""
    form = client.get(f"/events/{event.slug}/edit").context["form"]
    given = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    given["starts_at"] = given["starts_at"].strftime("%Y-%m-%dT%H:%M")
    given.pop("ends_at", None)
    return given


def test_a_host_is_told_when_more_come_than_there_are_places(signed_in, alice, picnic, make_member):
    event = actions.change(picnic, by=alice, capacity=5)
    for name in ("bob", "carol", "dan"):
        rsvps.respond(event, choice="going", member=make_member(name))
    client = signed_in(alice)
    given = filled_in(client, event)
    for capacity, told in ((2, True), (3, False)):
        response = client.post(f"/events/{event.slug}/edit", given | {"capacity": capacity}, follow=True)
        assert ("3 people have a place, and there are 2. Nobody loses theirs." in page_text(response)) == told


def test_a_host_is_told_who_hears_of_a_new_time(signed_in, alice, picnic, make_member):
    client = signed_in(alice)

    def save(**fields):
        given = filled_in(client, picnic)
        return page_text(client.post(f"/events/{picnic.slug}/edit", given | fields, follow=True))

    assert "The changes are saved. There is nobody to tell yet." in save(location="The oak")
    rsvps.respond(picnic, choice="going", member=make_member("bob"))
    assert "The changes are saved. 1 guest sees it on the event’s page, as this site sends no e-mail." in save(
        location="The lake"
    )
    assert "sees it" not in save(title="Supper")
    rsvps.respond(picnic, choice="maybe", member=make_member("carol"))
    assert "2 guests see it" in save(location="The hill", place_hidden="on"), "to carol there is none any more"
    assert "1 guest sees it" in save(location="The mill", place_hidden="on"), "she may not know the next one"
    Event.objects.filter(pk=picnic.pk).update(starts_at=timezone.now() - timedelta(days=3))
    picnic.refresh_from_db()
    assert told_of_change(picnic, actions.change(picnic, by=alice, location="The barn"), alice) == ""


def test_a_host_reads_that_the_invited_see_what_is_new(signed_in, alice, picnic, invited):
    invitation = invited(picnic)
    client = signed_in(alice)
    words = (
        "1 invited person has not answered yet. They get no message about a change: their invitation shows what is new"
    )
    assert words in page_text(client.get(f"/events/{picnic.slug}/edit"))
    given = filled_in(client, picnic) | {"location": "The <b>lake"}
    saved = client.post(f"/events/{picnic.slug}/edit", given, follow=True)
    assert words in page_text(saved)
    link = f'<a class="textlink" href="/events/{picnic.slug}/manage?tab=invite&amp;step=watch">See who was invited</a>'
    assert link in saved.content.decode()
    of_guests = "1 invited person has not answered:"
    assert of_guests in page_text(client.get(f"/events/{picnic.slug}/manage?tab=guests"))
    invitation.answer = "maybe"
    invitation.save()
    assert words not in page_text(client.get(f"/events/{picnic.slug}/edit"))
    assert of_guests not in page_text(client.get(f"/events/{picnic.slug}/manage?tab=guests"))


def test_who_had_answered_is_not_known_once_the_guests_data_is_deleted(signed_in, alice, picnic, invited):
    invited(picnic)
    manage = f"/events/{picnic.slug}/manage"
    words = "Invited, without an answer yet"
    assert words in page_text(signed_in(alice).get(manage))
    Event.objects.filter(pk=picnic.pk).update(guest_totals={"going": 1})
    assert words not in page_text(signed_in(alice).get(manage))
