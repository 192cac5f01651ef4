"""Confirm, Send again and "I'll post it myself" publish the text their page showed, and the page shows the newest."""

import pytest
from tests.pages import page_text, shown

from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Invitation

CAROL, DAN = "did:plc:carol", "did:plc:dan"
REFUSED = "This has changed since you saw it."


@pytest.fixture
def watch(signed_in, alice, friends, picnic):
    """`watch()`: the Watch page; `watch(path, data)`: press a button, and see the page that follows."""
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite&step=watch"

    def go(path="", data=None):
        return client.get(address) if data is None else client.post(path or address, data, follow=True)

    return go


@pytest.fixture
def row(alice, friends, picnic):
    actions.invite(alice, picnic, [CAROL], note="Bring bread.")
    return Invitation.objects.get()


def rename(picnic, alice, title):
    events.change(picnic, by=alice, title=title)


def pressed(row, what):
    return f"/invitations/{row.pk}/{what}"


def test_confirm_after_a_further_change_shows_the_newest_text(watch, row, picnic, alice):
    rename(picnic, alice, "Spring picnic")
    first = watch()
    rename(picnic, alice, "Summer picnic")
    response = watch(pressed(row, "confirm"), shown(first, pressed(row, "confirm")))
    page = page_text(response)
    assert REFUSED in page
    assert "Summer picnic" in page
    assert f'id="row-{row.pk}" open' in page
    row.refresh_from_db()
    assert row.needs_confirmation
    watch(pressed(row, "confirm"), shown(response, pressed(row, "confirm")))
    row.refresh_from_db()
    assert not row.needs_confirmation
    assert "Summer picnic" in row.record["text"]


@pytest.mark.parametrize("change", ["zone", "description", "announcement"])
def test_confirm_covers_text_card_and_thread(watch, row, picnic, alice, change):
    rename(picnic, alice, "Spring picnic")
    first = watch()
    if change == "zone":
        type(picnic).objects.update(timezone="Asia/Tokyo")
    elif change == "description":
        events.change(picnic, by=alice, description="Bring a coat.")
    else:
        actions.cancel(row.announcement, alice)
    page = page_text(watch(pressed(row, "confirm"), shown(first, pressed(row, "confirm"))))
    assert REFUSED in page
    row.refresh_from_db()
    assert row.needs_confirmation


def test_confirm_stores_what_the_page_showed_though_the_row_was_older(watch, row, picnic, alice):
    rename(picnic, alice, "Spring picnic")
    type(picnic).objects.update(timezone="Asia/Tokyo")
    page = watch()
    assert "Tokyo — " in page_text(page)
    watch(pressed(row, "confirm"), shown(page, pressed(row, "confirm")))
    row.refresh_from_db()
    assert "Tokyo — " in row.record["text"]


@pytest.mark.parametrize("state", ["failed", "cancelled", "suppressed", "undone", "handed_over"])
def test_send_again_shows_and_sends_the_newest_text(watch, row, picnic, alice, state):
    Invitation.objects.update(state=state)
    what = "confirm" if state == "undone" else "retry"
    first = watch()
    rename(picnic, alice, "Summer picnic")
    second = watch()
    assert "to Summer picnic," in page_text(second), "what it would send now, not the stored text"
    assert REFUSED in page_text(watch(pressed(row, what), shown(first, pressed(row, what))))
    row.refresh_from_db()
    assert row.state == state
    watch(pressed(row, what), shown(second, pressed(row, what)))
    row.refresh_from_db()
    assert row.state == "queued"
    assert "to Summer picnic," in row.record["text"]


def test_send_again_from_another_account(watch, row, alice):
    from tests.fakes.agent import FakeAgent

    from elonara.bluesky.writing import factory

    Invitation.objects.update(state="failed")
    first = watch()
    alice.bluesky.bsky_did = "did:plc:other"
    alice.bluesky.save()
    with factory.use(FakeAgent(author_did="did:plc:other")):
        assert REFUSED in page_text(watch(pressed(row, "retry"), shown(first, pressed(row, "retry"))))
    row.refresh_from_db()
    assert row.state == "failed"


@pytest.mark.parametrize("what", ["retry", "confirm", "compose"])
def test_a_button_without_its_fingerprint_does_nothing(watch, row, picnic, alice, what):
    rename(picnic, alice, "Spring picnic")
    if what != "confirm":
        Invitation.objects.update(state="failed", needs_confirmation=False)
    before = Invitation.objects.values().get()
    for sent in ({}, {"shown": ""}, {"shown": "é"}):
        assert REFUSED in page_text(watch(pressed(row, what), sent))
    assert Invitation.objects.values().get() == before


def test_posting_it_yourself_hands_over_the_text_that_was_read(watch, row, picnic, alice, client):
    first = client.get(pressed(row, "compose"))
    rename(picnic, alice, "Summer picnic")
    again = watch(pressed(row, "compose"), shown(first))
    assert REFUSED in page_text(again)
    assert "to Summer picnic," in page_text(again)
    assert "Summer%20picnic" in page_text(watch(pressed(row, "compose"), shown(again)))


def every(response):
    """The fields of the form that confirms all."""
    import re

    form = response.content.decode().partition('value="confirm_all"')[0].rpartition("<form")[2]
    return {"go": "confirm_all", "shown": re.findall(r'name="shown" value="([^"]*)"', form)}


def test_confirm_all_confirms_all_that_were_shown_and_no_others(watch, row, picnic, alice):
    rename(picnic, alice, "Spring picnic")
    first = every(watch())
    assert len(first["shown"]) == 1
    actions.invite(alice, picnic, [DAN])
    Invitation.objects.filter(invitee_did=DAN).update(needs_confirmation=True)
    assert "1 post goes out with the new text." in page_text(watch(data=first))
    assert [one.invitee_did for one in Invitation.objects.filter(needs_confirmation=True)] == [DAN]


def test_confirm_all_confirms_nothing_when_one_has_changed(watch, row, picnic, alice):
    actions.invite(alice, picnic, [DAN])
    rename(picnic, alice, "Spring picnic")
    first = every(watch())
    assert len(first["shown"]) == 2
    Invitation.objects.filter(invitee_did=DAN).update(line="For you")
    page = watch(data=first)
    assert REFUSED in page_text(page)
    assert Invitation.objects.filter(needs_confirmation=True).count() == 2
    assert "2 posts go out with the new text." in page_text(watch(data=every(page)))


def test_retry_all_takes_the_same(watch, row, picnic, alice):
    Invitation.objects.update(state="failed")
    from elonara.invitations import queries

    seen = {str(one.id): one.preview_id for one in queries.progress(picnic, alice).rows}
    rename(picnic, alice, "Summer picnic")
    with pytest.raises(actions.InvitationRefused, match="changed since you saw it"):
        actions.retry_all(picnic, alice, seen)
    assert actions.retry_all(picnic, alice, {}) == 0
    seen = {str(one.id): one.preview_id for one in queries.progress(picnic, alice).rows}
    assert actions.retry_all(picnic, alice, seen) == 1
