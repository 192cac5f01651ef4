"""Doing an event again in two presses, on the page; and `copy_of` in the API."""

import json
from datetime import datetime, timedelta

import pytest
from tests.fakes.known import graph_with
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import questions
from elonara.events.models import Event, EventHost, Rsvp


@pytest.fixture
def over(picnic, alice):
    """The winter picnic, three days ago."""
    actions.change(picnic, by=alice, description="Bring *bread*", location="The oak", capacity=8, approval=True)
    questions.ask(picnic, alice, [{"text": "What do you eat?", "kind": "text"}])
    began = picnic.starts_at - timedelta(days=15)
    Event.objects.filter(pk=picnic.pk).update(starts_at=began, ends_at=began + timedelta(hours=2))
    return Event.objects.get(pk=picnic.pk)


def filled(response):
    """What a browser would send if the form were pressed as it is."""
    form = response.context["form"]
    values = {}
    for name, field in form.fields.items():
        value = form.get_initial_for_field(field, name)
        if hasattr(value, "strftime"):
            value = value.strftime("%Y-%m-%dT%H:%M")
        if value not in (None, "", False):
            values[name] = "on" if value is True else value
    return values


def test_two_presses(signed_in, alice, over):
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    assert address in client.get(f"/events/{over.slug}").content.decode()
    assert address in client.get(f"/events/{over.slug}/manage").content.decode()
    page = client.get(address)
    words = page_text(page)
    assert "The question to guests is asked again." in words
    assert Event.objects.count() == 1
    pressed = client.post(address, filled(page))
    made = Event.objects.exclude(pk=over.pk).get()
    assert pressed.url == f"/events/{made.slug}/manage?tab=invite"
    kept = ("title", "description", "location", "capacity", "approval", "timezone", "visibility", "plus_ones_allowed")
    assert {name: getattr(made, name) for name in kept} == {name: getattr(over, name) for name in kept}
    assert made.starts_at - over.starts_at in {timedelta(days=7, hours=n) for n in (-1, 0, 1)}
    assert made.ends_at - made.starts_at == timedelta(hours=2)
    assert made.repeats == over
    assert [row.text for row in questions.of_event(made)] == ["What do you eat?"]


def test_what_is_wrong_stays_in_the_form(signed_in, alice, over):
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    values = filled(client.get(address)) | {"starts_at": "2020-01-01T12:00", "title": "Swim"}
    page = client.post(address, values)
    assert "The start is in the past" in page_text(page)
    assert 'value="Swim"' in page.content.decode()
    assert Event.objects.count() == 1


def test_the_picture_comes_along_unless_she_unticks_it(signed_in, alice, over, settings, tmp_path):
    from django.core.files.base import ContentFile

    settings.MEDIA_ROOT = tmp_path
    over.picture.save("old.jpg", ContentFile(b"\xff\xd8 picture"))
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    values = filled(client.get(address))
    assert values["same_picture"] == "on"
    client.post(address, values)
    del values["same_picture"]
    client.post(address, values)
    assert [bool(row.picture) for row in Event.objects.exclude(pk=over.pk).order_by("pk")] == [True, False]


@pytest.mark.promise("again-by-hosts")
def test_nobody_else_reads_it(signed_in, over, make_member, client):
    guest = make_member("guest")
    Rsvp.objects.create(event=over, member=guest, choice="going")
    address = f"/events/{over.slug}/again"
    for call in (signed_in(guest).get, signed_in(guest).post):
        assert call(address).status_code == 403
    assert address not in signed_in(guest).get(f"/events/{over.slug}").content.decode()
    Event.objects.update(visibility="private")
    assert signed_in(make_member("mallory")).get(address).status_code == 404
    client.logout()
    assert "/accounts/login/" in client.get(address).url


def test_a_cohost_may_without_the_hosts_address_for_replies(signed_in, over, alice, make_member, set_options):
    set_options(email={"url": "smtp://mail.example"})
    zoe = make_member("zoe")
    EventHost.objects.create(event=over, member=zoe, role="cohost", accepted_at=over.created_at)
    Event.objects.update(replies_to_host=True)
    assert "replies_to_host" in filled(signed_in(alice).get(f"/events/{over.slug}/again"))
    assert "replies_to_host" not in filled(signed_in(zoe).get(f"/events/{over.slug}/again"))


def test_what_an_operator_hid_offers_it_nowhere(signed_in, alice, over):
    Event.objects.update(hidden_at=over.created_at)
    client = signed_in(alice)
    for page in ("", "/manage"):
        assert "/again" not in client.get(f"/events/{over.slug}{page}").content.decode()
    assert client.get(f"/events/{over.slug}/again").status_code == 403


def test_the_picker_begins_with_last_times_guests(signed_in, alice, over, friends, people):
    graph_with(alice, people)
    Rsvp.objects.create(event=over, did="did:plc:carol", choice="going")
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    client.post(address, filled(client.get(address)))
    made = Event.objects.exclude(pk=over.pk).get()
    page = client.get(f"/events/{made.slug}/manage?tab=invite")
    assert page.context["view"].source == "came:again"
    assert [row.person.did for row in page.context["shown"].rows] == ["did:plc:carol"]
    assert "From last time" in page_text(page)


@pytest.fixture
def program(client):
    def post(member, body):
        from elonara.api import tokens

        return client.generic(
            "POST", "/api/v1/events", json.dumps(body), "application/json",
            headers={"Authorization": f"Bearer {tokens.issue(member).access_token}"},
        )  # fmt: skip

    return post


def test_the_api_copies_what_is_left_out(alice, over, program):
    made = program(alice, {"copy_of": over.slug, "starts_at": "2030-05-01T16:00", "guests": {"offer_hours": 5}})
    assert made.status_code == 201, made.content
    found = made.json()
    assert (found["title"], found["location"], found["capacity"]) == ("Winter picnic", "The oak", 8)
    assert (found["starts_at"], found["ends_at"]) == ("2030-05-01T15:00:00Z", "2030-05-01T17:00:00Z")
    assert (found["guests"]["offer_hours"], found["guests"]["approval"]) == (5, True)
    assert Event.objects.get(slug=found["slug"]).repeats == over


@pytest.mark.parametrize(
    ("given", "starts", "ends"),
    [
        ({"starts_at": "2030-05-01T16:00+02:00"}, "14:00", "16:00"),
        ({"starts_at": "2030-05-01T16:00", "timezone": "Asia/Tokyo"}, "07:00", "09:00"),
        ({"starts_at": "2030-05-01T14:00Z", "timezone": "Asia/Tokyo"}, "14:00", "16:00"),
        ({"starts_at": "2030-05-01T16:00", "ends_at": "2030-05-01T17:00"}, "15:00", "16:00"),
    ],
)
def test_its_end_moves_with_it(alice, over, program, given, starts, ends):
    found = program(alice, {"copy_of": over.slug} | given).json()
    assert [found[name][11:16] for name in ("starts_at", "ends_at")] == [starts, ends]


@pytest.mark.promise("again-by-hosts")
def test_nobody_else_copies_it(over, make_member, program):
    body = {"copy_of": over.slug, "starts_at": "2030-05-01T16:00"}
    refused = program(make_member("mallory"), body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_host")
    Event.objects.update(visibility="private")
    unknown = program(make_member("eve"), body)
    assert unknown.status_code == 422, "bad input, as the slug of no event is"
    assert unknown.json()["errors"] == program(make_member("zoe"), body | {"copy_of": "nothing"}).json()["errors"]
    assert [one["field"] for one in unknown.json()["errors"]] == ["copy_of"]


def test_without_it_a_title_is_still_needed(alice, program):
    refused = program(alice, {"starts_at": "2030-05-01T16:00", "timezone": "UTC"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert [one["field"] for one in refused.json()["errors"]] == ["title"]


@pytest.mark.parametrize(("hours", "length"), [(24 * 21, 2), (3, 2), (2, 2), (1, 1)])
def test_the_end_follows_a_start_that_was_put_after_it(signed_in, alice, over, hours, length):
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    given = filled(client.get(address))
    starts = datetime.fromisoformat(given["starts_at"]) + timedelta(hours=hours)
    client.post(address, given | {"starts_at": starts.strftime("%Y-%m-%dT%H:%M")})
    made = Event.objects.exclude(pk=over.pk).get()
    assert made.ends_at - made.starts_at == timedelta(hours=length), "an end that still comes after the start stays"


def test_an_end_that_was_changed_is_taken_at_its_word(signed_in, alice, over):
    client = signed_in(alice)
    address = f"/events/{over.slug}/again"
    given = filled(client.get(address))
    starts = datetime.fromisoformat(given["starts_at"])
    wrong = {"ends_at": (starts - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")}
    assert client.post(address, given | wrong).status_code == 200
    assert Event.objects.count() == 1
