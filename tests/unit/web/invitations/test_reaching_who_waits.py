"""Under Sent the host is led to write to who has not answered, and to nobody else; the site posts nothing for that."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, HostSending, Invitation

CAROL, DAN = "did:plc:carol", "did:plc:dan"


@pytest.fixture
def sent(alice, friends, picnic):
    actions.invite(alice, picnic, [CAROL])
    Invitation.objects.update(state="sent", sent_at=timezone.now(), uri="at://did:plc:alice/app.bsky.feed.post/3k")
    return Invitation.objects.get()


@pytest.fixture
def page(signed_in, alice, picnic):
    client = signed_in(alice)
    return lambda: page_text(client.get(f"/events/{picnic.slug}/manage?tab=invite&step=watch"))


def address(row, by):
    return queries.progress(row.event, by).rows[0].write_url


def test_a_post_of_her_own_is_prepared_with_mention_and_link(page, sent, alice):
    text = parse_qs(urlsplit(address(sent, alice)).query)["text"][0]
    assert text.startswith(f"@{sent.invitee_handle} http")
    assert text.endswith(f"/i/{sent.ref}")
    assert "You finish it and post it there yourself." in page()


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "cant"}, {"answer": "going"}, {"state": "queued"}, {"state": "undone"}, {"state": "undoing"},
        {"state": "handed_over"}, {"invitee_handle": "handle.invalid"}, {"invitee_handle": ""},
    ],
)  # fmt: skip
def test_who_answered_or_is_not_invited_is_not_written_to(page, sent, alice, change):
    Invitation.objects.update(**change)
    assert address(sent, alice) == ""
    assert "You finish it and post it there yourself." not in page()


@pytest.mark.promise("never-again")
@pytest.mark.parametrize("whole_site", [True, False])
def test_who_said_no_is_not_written_to(page, sent, alice, whole_site):
    actions.opt_out(CAROL, None if whole_site else alice)
    assert address(sent, alice) == ""
    assert "You finish it and post it there yourself." not in page()


def test_a_cohost_is_not_led_to_write_to_them(sent, alice, picnic, make_member):
    zoe = make_member("zoe")
    events.add_cohost(picnic, by=alice, member=zoe)
    events.accept_cohost(picnic, by=zoe)
    actions.opt_out(CAROL, alice)
    assert address(sent, zoe) == ""


def test_after_a_spam_label_nobody_is_written_to(sent, alice):
    HostSending.objects.update_or_create(
        host=alice, defaults={"paused_at": timezone.now(), "pause_reason": "spam_label"}
    )
    assert address(sent, alice) == ""


def test_after_the_event_nobody_is_written_to(sent, alice, picnic):
    past = timezone.now() - timedelta(days=2)
    type(picnic).objects.update(starts_at=past, ends_at=past + timedelta(hours=1))
    sent.refresh_from_db()
    assert address(sent, alice) == ""


class TestWhatIsTakenBack:
    def test_is_not_counted_as_missing(self, page, sent, alice, picnic):
        assert "1 of 1 invitation is on Bluesky" in page()
        Invitation.objects.update(state="undone")
        assert "No invitation is on Bluesky" in page()
        actions.invite(alice, picnic, [DAN])
        for model in (Invitation, Announcement):
            model.objects.filter(state="queued").update(state="sent", sent_at=timezone.now())
        text = page()
        assert "1 of 1 invitation is on Bluesky" in text
        assert "1 undone" in text
        assert "All invitations are sent." in text

    def test_is_not_said_to_be_sending(self, page, sent):
        Invitation.objects.update(state="undoing", reason="by_host")
        text = page()
        assert "sending continues" not in text
        assert "we then check that it stays deleted" in text
        assert "It can be sent again." not in text
        assert "The invitations are being taken back" in text
        assert "takes a few minutes" in text

    def test_says_why_it_has_to_wait(self, page, sent):
        Invitation.objects.update(state="undoing", reason="unreachable")
        text = page()
        assert "takes a few minutes" not in text
        assert "we then check that it stays deleted" not in text

    @pytest.mark.parametrize("state", ["undoing", "undone"])
    def test_an_announcement_is_not_said_to_be_sendable(self, page, sent, state):
        Announcement.objects.update(state=state, reason="by_host")
        assert "It can be sent again." not in page()

    def test_who_was_undone_for_good_is_not_said_to_be_invitable(self, page, sent):
        Invitation.objects.update(state="undone", reason="by_host")
        assert "You can invite them once more." in page()
        Invitation.objects.update(undone_once=True)
        assert "You can invite them once more." not in page()

    def test_what_waits_for_her_is_not_said_to_be_sending(self, page, sent):
        Announcement.objects.update(state="sent", sent_at=timezone.now())
        Invitation.objects.update(state="queued", needs_confirmation=True)
        text = page()
        assert "Sending:" not in text
        assert "Nothing is being sent right now." in text

    def test_what_is_queued_is_being_sent(self, page, sent):
        Invitation.objects.update(state="queued")
        assert "Sending: 0 of 1 invitation is on Bluesky" in page()
