"""An answer on a public event's page is never thrown away: it survives saying who one is."""

import dataclasses
import html
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text
from tests.unit.web.conftest import BOB_HANDLE, sign_in

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions
from elonara.events.guests import questions, rsvps
from elonara.events.models import Event, Rsvp
from elonara.members.models import Member
from elonara.web import proofs
from elonara.web.shortcuts import MAX_NEXT


@pytest.fixture
def page(picnic):
    return f"/events/{picnic.slug}"


def press(client, page, **fields):
    return client.post(f"{page}/answer", {"answer": "going"} | fields)


def test_a_visitor_says_who_she_is_and_has_answered(client, page, server, authorize):
    asked = press(client, page, plus_ones="2", note="We bring bread.")
    assert asked.status_code == 200
    assert "You don’t need an account here." in page_text(asked)
    assert not Session.objects.exists()  # nothing is begun, so nothing is stored
    sent = press(client, page, plus_ones="2", note="We bring bread.", handle=BOB_HANDLE)
    back = authorize(client, sent, BOB)
    assert back.url == page
    row = Rsvp.objects.get()
    assert (row.did, row.handle, row.choice) == (BOB, BOB_HANDLE, "going")
    assert (row.plus_ones, row.note) == (2, "We bring bread.")
    words = page_text(client.get(page))
    assert "You are going." in words
    assert not Member.objects.filter(username__startswith="bob").exists()


@pytest.mark.parametrize("answer", ["maybe", "cant"])
def test_every_answer_survives(client, page, server, authorize, answer):
    authorize(client, press(client, page, answer=answer, handle=BOB_HANDLE), BOB)
    assert Rsvp.objects.get().choice == answer


def test_the_answer_goes_along_with_a_sign_in_by_password(client, page, make_member):
    member = make_member("carol")
    asked = press(client, page, note="By train.")
    link = asked.content.decode().split("/accounts/login/?next=")[1].split('"')[0]
    after = unquote(link)
    sign_in(client, member)
    shown = client.get(after)
    assert "Send your answer" in page_text(shown)
    assert not Rsvp.objects.exists()  # a link alone never answers
    client.post(urlsplit(after).path, {name: values[0] for name, values in parse_qs(urlsplit(after).query).items()})
    row = Rsvp.objects.get()
    assert (row.member, row.choice, row.note) == (member, "going", "By train.")


def test_who_has_no_bluesky_account_makes_one_here_and_answers(client, site, page, picnic):
    asked = press(client, page, note="We bring bread.").content.decode()
    address = html.unescape(asked.partition('href="/accounts/signup/?')[2].partition('"')[0])
    back = parse_qs(address)["next"][0]
    for way_in in ("login", "signup"):
        words = page_text(client.get(f"/accounts/{way_in}/?{address}"))
        assert "Your answer comes along" in words
        assert "you need no account" not in words
    assert "Your answer comes along" not in page_text(client.get("/accounts/login/?next=/events"))
    password = "correct horse battery staple"
    made = client.post("/accounts/signup/", {"username": "erin", "password1": password, "email": "", "next": back})
    assert made["location"] == back
    shown = client.get(back)
    assert "Send your answer" in page_text(shown)
    press(client, page, note="We bring bread.")
    row = Rsvp.objects.get()
    assert (row.member.username, row.choice, row.note) == ("erin", "going", "We bring bread.")


def test_where_nobody_can_join_no_account_is_offered(client, page, settings):
    site = dataclasses.replace(settings.ELONARA.site, registration="closed")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    assert "/accounts/signup/" not in press(client, page).content.decode()


def test_what_would_be_refused_is_said_before_the_visitor_is_sent_away(client, page, picnic, alice):
    questions.ask(picnic, alice, [{"text": "What do you eat?", "kind": "text", "required": True}])
    response = press(client, page, handle=BOB_HANDLE)
    assert response.status_code == 400
    assert "What do you eat? Please answer." in page_text(response)
    too_many = press(client, page, plus_ones="9", handle=BOB_HANDLE)
    assert too_many.status_code == 400


def test_answers_to_questions_go_along(client, page, picnic, alice, server, authorize):
    questions.ask(picnic, alice, [{"text": "What do you eat?", "kind": "text", "required": True}])
    field = f"{questions.PREFIX}{questions.of_event(picnic)[0].pk}"
    authorize(client, press(client, page, handle=BOB_HANDLE, **{field: "Bread"}), BOB)
    row = Rsvp.objects.get()
    assert list(questions.given([row.pk])[row.pk].values()) == ["Bread"]


def test_who_denies_or_mistypes_keeps_the_answer(client, page, server, authorize):
    sent = press(client, page, note="By train.", handle=BOB_HANDLE)
    denied = client.get("/auth/bluesky/callback", server.deny(sent["location"]))
    assert denied.status_code == 400
    for response in (denied, press(client, page, note="By train.", handle="nobody.example.com")):
        words = response.content.decode()
        assert 'name="note" value="By train."' in words
        assert 'name="answer" value="going"' in words
        assert "Your answer is not sent yet" in words
    assert not Rsvp.objects.exists()


def test_too_many_requests_keep_it_too(client, page, server, monkeypatch):
    for _ in range(60):
        response = press(client, page, note="By train.", handle=BOB_HANDLE)
        if response.status_code == 429:
            break
    assert response.status_code == 429
    assert 'name="note" value="By train."' in response.content.decode()


def test_an_event_that_was_hidden_or_made_private_meanwhile_takes_no_answer(
    client, page, picnic, alice, server, authorize
):
    sent = press(client, page, handle=BOB_HANDLE)
    actions.change(picnic, by=alice, visibility="private")
    assert authorize(client, sent, BOB).url == "/events"
    assert not Rsvp.objects.exists()


def test_an_event_that_was_cancelled_meanwhile_says_so(client, page, picnic, alice, server, authorize):
    sent = press(client, page, handle=BOB_HANDLE)
    actions.cancel(picnic, alice)
    back = authorize(client, sent, BOB)
    assert back.url == page
    assert "This event was cancelled." in page_text(client.get(page))
    assert not Rsvp.objects.exists()


def test_a_private_event_says_nothing_to_a_stranger(client, supper):
    for method in (client.get, client.post):
        assert method(f"/events/{supper.slug}/answer", {"answer": "going", "handle": BOB_HANDLE}).status_code == 404


def test_a_long_note_does_not_make_an_address_that_servers_refuse(client, page):
    asked = press(client, page, note="ł" * 500)
    link = asked.content.decode().split("/accounts/login/?next=")[1].split('"')[0]
    assert len(link) < 4000
    assert len(unquote(link)) <= MAX_NEXT
    assert "answer%3Dgoing" in link
    assert f'value="{"ł" * 500}"' in asked.content.decode()


def test_markup_in_an_answer_stays_text(client, page):
    asked = press(client, page, note='"><script>alert(1)</script>')
    assert "<script>alert" not in asked.content.decode()


def test_a_guest_sees_her_name_and_her_events(client, page, picnic, server, authorize):
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    home = page_text(client.get("/"))
    assert "Your events" in home
    assert picnic.title in home
    name = client.session[proofs.PROVEN][BOB]["name"] or BOB_HANDLE
    assert name in page_text(client.get("/communities"))


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
def test_a_guest_s_front_page_shows_her_event_once(client, page, picnic, alice, server, authorize, others):
    for number in range(others):
        starts = timezone.now() + timedelta(days=30)
        actions.create(alice, title=f"Choir {number}", starts_at=starts, timezone="UTC", visibility="public")
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    home = page_text(client.get("/"))
    assert home.count(picnic.title) == 1
    assert home.count("Choir 0") == others
    assert "Nothing is planned yet" not in home
    assert ("Upcoming public events" in home) == bool(others)


@pytest.mark.parametrize(("answer", "word"), [("going", "Going"), ("maybe", "Maybe")])
def test_a_guest_s_and_a_member_s_front_page_say_what_they_answered(
    client, page, picnic, alice, signed_in, server, authorize, answer, word
):
    authorize(client, press(client, page, answer=answer, handle=BOB_HANDLE), BOB)
    assert f"You: {word}" in page_text(client.get("/"))
    host = signed_in(alice)
    assert "You: " not in page_text(host.get("/"))  # she hosts it, and has answered nothing
    host.post(f"{page}/answer", {"answer": answer})
    assert f"You: {word}" in page_text(host.get("/"))


def test_the_front_page_says_what_the_member_answered_and_not_who_else_was_in_this_browser(alice, picnic, make_member):
    later = {"answered_at": timezone.now() + timedelta(hours=1)}
    Rsvp.objects.create(event=picnic, member=alice, choice="maybe")
    for did in ("did:plc:friend", "did:plc:other"):
        Rsvp.objects.filter(pk=Rsvp.objects.create(event=picnic, did=did, choice="going").pk).update(**later)
    dids = ["did:plc:other", "did:plc:friend"]
    assert rsvps.own_answers([picnic], alice, dids)[picnic.pk].choice == "maybe"
    assert rsvps.own_answers([picnic], make_member("zoe"), dids)[picnic.pk].did == "did:plc:other"
    assert rsvps.own_answers([picnic], make_member("yan"), []) == {}


def test_as_many_public_events_are_shown_to_who_has_answered_the_first_ones(
    client, page, picnic, alice, server, authorize
):
    for number in range(8):
        starts = timezone.now() + timedelta(days=30 + number)
        actions.create(alice, title=f"Choir {number}", starts_at=starts, timezone="UTC", visibility="public")
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    home = page_text(client.get("/"))
    assert [number for number in range(8) if f"Choir {number}" in home] == list(range(6))
    assert home.count(picnic.title) == 1


@pytest.mark.parametrize("answer", ["going", "maybe", "cant"])
def test_what_comes_next(client, page, picnic, server, authorize, answer):
    authorize(client, press(client, page, answer=answer, handle=BOB_HANDLE), BOB)
    words = client.get(page).content.decode()
    assert ("What next?" in words) == (answer != "cant")
    assert ("I’m going to Winter picnic" in words) == (answer == "going")
    assert ("Keep my events in one place" in words) == (answer != "cant")


def test_what_is_private_is_not_offered_for_a_post(client, supper, invited, server, authorize):
    invitation = invited(supper)
    sent = client.post(f"/i/{invitation.ref}", {"answer": "going", "handle": BOB_HANDLE})
    authorize(client, sent, BOB)
    for address in (f"/i/{invitation.ref}", f"/events/{supper.slug}"):
        assert "I’m going to" not in client.get(address).content.decode()


def test_one_press_makes_the_account_of_who_has_just_proved_it(client, page, picnic, server, authorize):
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    kept = client.post("/auth/bluesky/keep", {"did": BOB, "next": page})
    assert kept.url == "/auth/bluesky/new"
    client.post("/auth/bluesky/new", {"did": BOB})
    member = MemberIdentity.objects.get(bsky_did=BOB).member
    assert Rsvp.objects.get().member == member
    assert "Keep my events in one place" not in client.get(page).content.decode()


@pytest.mark.promise("left-browser")
def test_an_old_proof_makes_no_account(client, page, server, authorize):
    """Somebody else may sit at this screen by now."""
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    session = client.session
    session[proofs.PROVEN][BOB]["at"] = (timezone.now() - timedelta(minutes=11)).timestamp()
    session.save()
    sent = client.post("/auth/bluesky/keep", {"did": BOB, "next": page})
    assert "/auth/bluesky/new" not in sent.url
    assert proofs.NEWCOMER not in client.session
    assert authorize(client, sent, BOB).url == "/auth/bluesky/new"


@pytest.mark.parametrize("did", [ALICE, "", "did:plc:nobody"])
def test_nobody_keeps_the_events_of_an_account_that_was_not_proved_here(client, page, server, did):
    assert client.post("/auth/bluesky/keep", {"did": did, "next": page}).url == page
    assert proofs.NEWCOMER not in client.session


def test_it_is_not_offered_where_nobody_can_join(client, page, server, authorize, settings):
    site = dataclasses.replace(settings.ELONARA.site, registration="closed")
    settings.ELONARA = dataclasses.replace(settings.ELONARA, site=site)
    authorize(client, press(client, page, handle=BOB_HANDLE), BOB)
    shown = client.get(page).content.decode()
    assert "What next?" in shown
    assert "Keep my events in one place" not in shown


def test_all_that_a_link_has_filled_in_is_shown_before_it_is_sent(client, page, make_member):
    link = f"{page}/answer?answer=going&plus_ones=2&note=Your+cooking+is+awful"
    for known in (False, True):
        if known:
            sign_in(client, make_member("carol"))
        words = page_text(client.get(link))
        assert "Your note" in words
        assert '<dd dir="auto">Your cooking is awful</dd>' in words.replace("\n", "")
        assert "People you bring" in words
    assert not Rsvp.objects.exists()


def test_a_note_of_several_lines_may_be_as_long_as_the_browser_lets_it(client, authorize, server, picnic):
    from elonara.web.parts.answer_forms import AnswerForm

    typed = "\n".join(["x" * 9] * 50)
    assert len(typed) == 499
    form = AnswerForm({"answer": "going", "note": typed.replace("\n", "\r\n")}, event=picnic)
    assert form.is_valid()
    assert form.cleaned_data["note"] == typed
    assert not AnswerForm({"answer": "going", "note": f"{typed}xx"}, event=picnic).is_valid()


@pytest.mark.parametrize(("visibility", "shown"), [("public", True), ("private", False)])
def test_after_cant_no_heading_stands_above_nothing(signed_in, make_member, picnic, visibility, shown):
    bob = make_member("bob")
    rsvps.respond(picnic, choice="cant", member=bob)
    Event.objects.filter(pk=picnic.pk).update(visibility=visibility)
    page = signed_in(bob).get(f"/events/{picnic.slug}")
    assert page.status_code == 200
    assert ('id="keep"' in page.content.decode()) == shown
    assert "Save the date" not in page.content.decode()
