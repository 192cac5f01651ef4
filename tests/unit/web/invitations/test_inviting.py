"""The host's three steps Pick, Check and Watch: the draft is never lost, and Send works once."""

import dataclasses

import pytest
from django.utils import timezone
from tests.fakes.agent import FakeAgent
from tests.fakes.graph import somebody, stored
from tests.fakes.oauth import BOB
from tests.pages import page_text, shown
from tests.unit.web.conftest import HOST_DID

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import Readiness
from elonara.invitations.models import HostSending, Invitation
from elonara.invitations.planning.models import InvitationDraft

CAROL, DAN = "did:plc:carol", "did:plc:dan"
CHECKED = 'value="{}" autocomplete="off" checked'
BOTH = f"{CAROL} {DAN}"


@pytest.fixture
def invite(signed_in, alice, friends, picnic):
    """`invite(step, data)`: GET, or with data POST, a step of inviting to the picnic."""
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite"

    def go(step="", data=None, **query):
        if not friends.down:
            stored(alice)
        where = address + (f"&step={step}" if step else "") + "".join(f"&{k}={v}" for k, v in query.items())
        return client.post(where, data) if data is not None else client.get(where)

    return go


def test_check_with_nobody_chosen_is_refused(invite):
    response = invite(data={"go": "next"})
    assert response.status_code == 400
    assert "Nobody is chosen." in page_text(response)


def test_more_people_than_one_send_allows_are_refused_and_kept(invite, settings):
    options = settings.ELONARA
    caps = dataclasses.replace(options.invitations, per_send=1)
    settings.ELONARA = dataclasses.replace(options, invitations=caps)
    page = page_text(invite(data={"listed": BOTH, "did": [CAROL, DAN], "go": "next"}))
    assert "2 people are chosen; the most in one send is 1." in page
    assert CHECKED.format(CAROL) in page


def test_somebody_is_added_by_handle(invite, friends):
    invite(data={"listed": BOTH, "did": [CAROL], "go": "add", "who": "@dan.example"})
    assert CHECKED.format(DAN) in page_text(invite())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("nobody.example", "Bluesky has no account called nobody.example"),
        ("stranger.example", "Neither of you follows the other"),
    ],
)
def test_an_unknown_handle_or_a_stranger_is_refused_on_the_page(invite, friends, typed, sentence):
    friends.people.append(somebody("stranger", follows_you=False, you_follow=False))
    response = invite(data={"listed": BOTH, "did": [CAROL], "go": "add", "who": typed})
    page = page_text(response)
    assert response.status_code == 400
    assert sentence in page.replace("&#x27;", "'")
    assert f">{typed}</textarea>" in page
    assert CHECKED.format(CAROL) in page, "who was chosen stays chosen"


def test_people_who_cannot_be_invited_are_greyed_with_the_reason(invite, friends):
    friends.people.append(somebody("nils", blocked_by=True))
    page = page_text(invite())
    assert "This account blocks you on Bluesky." in page
    assert 'value="did:plc:nils"' not in page


def test_a_server_that_is_down_is_not_asked_and_everything_stays(invite, friends):
    invite(data={"listed": BOTH, "did": [CAROL], "go": "list:followers"})
    friends.down = GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.")
    response = invite()
    assert response.status_code == 200
    assert CHECKED.format(CAROL) in page_text(response)


def test_a_host_without_a_connection_is_sent_to_connect(invite, alice, friends):
    MemberIdentity.objects.update(state="revoked", state_reason="not_connected", pds_url="")
    friends.known = False
    missing = Readiness(False, HOST_DID, "alice.example", "compose", "", "app_password_missing", "Not yet.")
    with factory.use(FakeAgent(author_did=HOST_DID, ready=missing)):
        page = page_text(invite())
    assert page.count("Connect Bluesky</button>") == 1
    assert 'action="/auth/bluesky/reauthorize"' in page
    assert "permission has ended" not in page, "there was none"
    assert "follows you back" not in page, "that is not known"


def test_a_host_whose_session_ended_can_reauthorize_there(invite, friends):
    MemberIdentity.objects.update(state="needs_reauth", connected_at=timezone.now())
    friends.known = False
    page = page_text(invite(list="followers"))
    assert "Your Bluesky permission has ended" in page
    assert '<button class="button" form="renew">Reauthorize</button>' in page
    assert '<form id="renew" action="/auth/bluesky/reauthorize" method="post">' in page


def test_the_draft_survives_leaving_and_a_note_that_is_too_long(invite):
    invite(data={"listed": BOTH, "did": [CAROL], "go": "next"})
    invite("check", {"note": "word " * 100, f"line:{CAROL}": "For you", "go": "preview"})
    response = invite("check")
    page = page_text(response)
    assert "word word word" in page
    assert "For you" in page
    assert "300 fit" in page
    assert not Invitation.objects.exists()


def test_send_leads_to_the_watch_page(invite):
    invite(data={"listed": BOTH, "did": [CAROL, DAN], "go": "next"})
    invite("check", {"note": "Bring bread.", "go": "preview"})
    check = invite("check")
    assert "Send 2 invitations from @alice.example" in page_text(check)
    response = invite("check", {"note": "Bring bread.", "go": "send"} | shown(check))
    assert response["location"].endswith("step=watch")
    assert Invitation.objects.count() == 2
    watched = page_text(invite("watch"))
    assert "Carol" in watched
    assert "of 2 invitations are on Bluesky" in watched
    assert invite("check")["location"].endswith("tab=invite"), "the draft is done"


@pytest.mark.promise("asked-once")
def test_sending_twice_invites_nobody_twice(invite):
    invite(data={"listed": BOTH, "did": [CAROL], "go": "next"})
    kept, check = InvitationDraft.objects.get(), invite("check")
    invite("check", {"go": "send"} | shown(check))
    assert not InvitationDraft.objects.exists()
    kept.save(force_insert=True)
    assert invite("check", {"go": "send"} | shown(check))["location"].endswith("step=watch")
    assert Invitation.objects.count() == 1


def test_only_those_who_may_invite_can_act_on_invitations(invited, picnic, signed_in, make_member, client, alice):
    row = invited(picnic, BOB)
    signed_in(make_member("mallory"))
    assert client.post(f"/invitations/{row.pk}/undo").status_code == 404
    signed_in(alice)
    asked = page_text(client.get(f"/invitations/{row.pk}/undo"))
    assert "Undo the invitation to" in asked
    row.refresh_from_db()
    assert row.state == "sent", "looking changes nothing"
    client.post(f"/invitations/{row.pk}/undo")
    row.refresh_from_db()
    assert row.state == "undoing"


def test_a_member_who_may_not_invite_sees_no_picker(signed_in, make_member, picnic, circle):
    client = signed_in(make_member("mallory"))
    assert client.get(f"/events/{picnic.slug}/manage?tab=invite").status_code == 403
    assert client.get(f"/communities/{circle.slug}/manage?tab=invite").status_code == 403


def test_the_host_finds_text_and_link_of_what_was_sent(invite, invited, picnic):
    sent = invited(picnic)
    page = page_text(invite("watch"))
    assert f'/i/{sent.ref}"' in page
    assert "Bring bread." in page


def test_send_says_that_a_step_is_left_and_leads_back(invite, friends):
    missing = Readiness(False, HOST_DID, "alice.example", "compose", "", "app_password_missing", "Not yet.")
    with factory.use(FakeAgent(author_did=HOST_DID, ready=missing)):
        invite(data={"listed": BOTH, "did": [CAROL, DAN], "go": "next"})
        page = invite("check")
    words = page_text(page)
    assert "One step left" in words
    assert "Send 2 invitations once that is done" in words
    assert "step%3Dcheck#app-password" in page.content.decode()
    assert "Send 2 invitations from" not in words


def test_where_nothing_is_hers_to_do_send_is_send(invite, alice):
    invite(data={"listed": BOTH, "did": [CAROL, DAN], "go": "next"})
    HostSending.objects.update_or_create(host=alice, defaults={"paused_at": timezone.now(), "pause_reason": "operator"})
    page = page_text(invite("check"))
    assert "Send 2 invitations" in page
    assert "once that is done" not in page
    assert "One step left" not in page
