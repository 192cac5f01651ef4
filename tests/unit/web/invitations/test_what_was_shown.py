"""Send sends what its own page showed, whatever another tab, another host or Bluesky changed meanwhile."""

import dataclasses

import pytest
from django.utils import timezone
from tests.fakes.agent import FakeAgent
from tests.pages import page_text, shown
from tests.unit.web.conftest import HOST_DID

from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.events import share_pictures
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Batch, Invitation

CAROL, DAN = "did:plc:carol", "did:plc:dan"


@pytest.fixture
def tab(signed_in, alice, friends, picnic):
    """`tab(step, data)`: GET, or with data POST, a step of inviting to the picnic; every tab shares one session."""
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite"

    def go(step="", data=None):
        where = address + (f"&step={step}" if step else "")
        return client.post(where, data) if data is not None else client.get(where)

    return go


@pytest.fixture
def checked(tab):
    """Carol is chosen, with the note "Just us two", and the posts are looked at. Returns what that page sends."""
    tab(data={"did": [CAROL], "go": "next"})
    tab("check", {"note": "Just us two", "go": "preview"})
    return {"note": "Just us two", "go": "send"} | shown(tab("check"))


def refused(response):
    page = page_text(response)
    assert response.status_code == 400
    assert "This has changed since you saw it." in page
    assert "Nothing was sent" in page
    assert not Invitation.objects.exists()
    return page


@pytest.mark.promise("shown-is-sent")
def test_a_second_tab_adds_people(tab, checked):
    tab(data={"did": [CAROL, DAN], "go": "next"})
    response = tab("check", checked)
    assert "@dan.example" in refused(response), "the new preview is shown"
    assert tab("check", checked | shown(response)).status_code == 302
    assert Invitation.objects.count() == 2, "which can then be sent"


@pytest.mark.parametrize("alone", [True, False])
def test_what_becomes_of_the_rest_without_its_announcement_is_what_this_page_says(tab, checked, alone):
    box = {"alone_if_gone": "1"} if alone else {}
    tab("check", {"note": "Just us two", "go": "preview"} | box)
    assert ("checked" in page_text(tab("check")).partition('name="alone_if_gone"')[2][:30]) == alone
    tab("check", {"note": "Just us two", "go": "preview"} | ({} if alone else {"alone_if_gone": "1"}))  # another tab
    assert tab("check", checked | box).status_code == 302
    assert Batch.objects.get().alone_if_gone == alone


def test_a_second_tab_chooses_somebody_else(tab, checked):
    tab(data={"listed": f"+{CAROL} {DAN}", "did": [DAN], "go": "next"})
    refused(tab("check", checked))


def test_a_second_tab_takes_somebody_away(tab):
    tab(data={"did": [CAROL, DAN], "go": "next"})
    first = tab("check")
    tab(data={"listed": f"+{CAROL} +{DAN}", "did": [CAROL], "go": "next"})
    refused(tab("check", {"go": "send"} | shown(first)))


@pytest.mark.parametrize("words", [{"note": "Other words"}, {f"line:{CAROL}": "You most of all"}, {"separate": "1"}])
def test_words_and_thread_that_were_not_looked_at(tab, checked, words):
    refused(tab("check", checked | words))


@pytest.mark.parametrize(
    "change", [{"title": "Summer picnic"}, {"description": "Bring a coat."}, {"visibility": "private"}]
)
def test_the_event_changes_after_the_preview(tab, checked, picnic, alice, change):
    events.change(picnic, by=alice, **change)
    refused(tab("check", checked))


def test_the_picture_of_the_card_changes(tab, checked, picnic):
    type(picnic).objects.filter(pk=picnic.pk).update(picture="pictures/other.jpg")
    refused(tab("check", checked))


@pytest.fixture
def draw(picnic, monkeypatch, settings, tmp_path):
    """`draw()`: the job makes the picture of the event for other sites."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(share_pictures, "_draw", lambda facts: b"JPEG")
    return lambda: share_pictures.poll(str(picnic.pk))


@pytest.fixture
def drawn(draw):
    draw()


def test_the_picture_is_drawn_between_the_preview_and_send(tab, checked, draw):
    draw()
    assert tab("check", checked).status_code == 302, "it shows what the preview said, and the host did nothing"


def test_the_card_shows_the_picture_for_other_sites(drawn, tab, picnic):
    tab(data={"did": [CAROL], "go": "next"})
    picnic.refresh_from_db()
    shown_picture = f'src="/events/{picnic.slug}/share.jpg?v={share_pictures.version(picnic)}"'
    assert shown_picture in tab("check").content.decode()


@pytest.mark.parametrize("change", [{"mood": "evening"}, {"location": "The oak"}])
def test_what_is_drawn_into_the_card_changes(drawn, tab, checked, picnic, alice, change):
    events.change(picnic, by=alice, **change)
    refused(tab("check", checked))


def test_the_same_picture_made_again_is_no_other_picture(drawn, tab, checked, picnic):
    type(picnic).objects.update(share_picture_due_at=timezone.now())
    share_pictures.poll(str(picnic.pk))
    assert tab("check", checked).status_code == 302


def test_the_posting_account_changes(tab, checked, alice, friends):
    from tests.fakes.agent import FakeAgent

    from elonara.bluesky.writing import factory

    alice.bluesky.bsky_did = "did:plc:other"
    alice.bluesky.save()
    with factory.use(FakeAgent(author_did="did:plc:other")):
        refused(tab("check", checked))


def test_the_event_moves_to_another_zone(tab, checked, picnic):
    type(picnic).objects.update(timezone="Asia/Tokyo")
    assert "Tokyo" in refused(tab("check", checked))


def test_the_invited_handle_moves(tab, checked, friends):
    friends.people = [
        dataclasses.replace(one, handle="new.example") if one.did == CAROL else one for one in friends.people
    ]
    friends.forget()
    assert "@new.example" in refused(tab("check", checked))


def test_the_announcement_is_taken_back_meanwhile(tab, alice, friends, picnic):
    actions.invite(alice, picnic, [DAN])
    Announcement.objects.update(state="sent", uri="at://x/y/z")
    tab(data={"did": [CAROL], "go": "next"})
    check = tab("check")
    assert "One announcement, and each invitation as a reply" in page_text(check)
    Announcement.objects.update(state="undoing")
    response = tab("check", {"go": "send"} | shown(check))
    assert response.status_code == 400
    assert "Each invitation is a post of its own." in page_text(response)
    assert not Invitation.objects.filter(invitee_did=CAROL).exists()


def test_replies_to_an_old_announcement_show_that_one(tab, alice, friends, picnic):
    actions.invite(alice, picnic, [DAN])
    Announcement.objects.update(state="sent", uri="at://x/y/z")
    events.change(picnic, by=alice, title="Summer picnic")
    tab(data={"did": [CAROL], "go": "next"})
    assert "Winter picnic" in page_text(tab("check")), "it is what stands above the new replies"


@pytest.mark.parametrize("sent", ["", "x", "AAAA", "é", "A" * 30_000, None])
def test_a_missing_or_broken_fingerprint_sends_nothing(tab, checked, sent):
    broken = {name: value for name, value in checked.items() if name != "shown"}
    refused(tab("check", broken if sent is None else broken | {"shown": sent}))


def test_somebody_left_out_by_consent_is_no_difference_and_is_named(tab, friends):
    tab(data={"did": [CAROL, DAN], "go": "next"})
    check = tab("check")
    friends.people = [dataclasses.replace(one, blocked_by=True) if one.did == DAN else one for one in friends.people]
    friends.forget()
    assert tab("check", {"go": "send"} | shown(check)).status_code == 302
    assert "You’ve invited 1 person. Left out: Dan." in page_text(tab("watch"))
    assert [row.invitee_did for row in Invitation.objects.all()] == [CAROL]


def test_somebody_who_can_be_invited_again_was_not_shown(tab, friends):
    free = friends.people
    friends.people = [dataclasses.replace(one, blocked_by=True) if one.did == DAN else one for one in free]
    friends.forget()
    tab(data={"did": [CAROL, DAN], "go": "next"})
    check = tab("check")
    friends.people = free
    friends.forget()
    assert "@dan.example" in refused(tab("check", {"go": "send"} | shown(check)))


@pytest.mark.parametrize(("ready", "said"), [(True, "Now, one after the other"), (False, "As soon as posting is")])
def test_when_they_go_is_said_of_what_can_go(tab, ready, said):
    reason = "" if ready else "app_password_missing"
    able = Readiness(ready, HOST_DID, "alice.example", "host", "app_password", reason, "")
    tab(data={"did": [CAROL], "go": "next"})
    with factory.use(FakeAgent(author_did=HOST_DID, ready=able)):
        assert said in page_text(tab("check"))


def test_a_later_day_by_a_cap_is_no_difference_and_is_said(tab, alice, picnic, set_options):
    set_options(invitations={"per_day": 1, "first_week_per_day": 1})
    tab(data={"did": [CAROL], "go": "next"})
    check = tab("check")
    assert "Now, one after the other" in page_text(check)
    actions.invite(alice, picnic, [DAN])
    assert tab("check", {"go": "send"} | shown(check)).status_code == 302
    assert "1 invitation is on the way: 1 tomorrow." in page_text(tab("watch"))
