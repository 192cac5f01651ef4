"""A session that ended between Check and Send: Send is refused with the way on, and nothing is lost."""

import dataclasses

import pytest
from tests.pages import page_text, shown

from elonara.bluesky.models import MemberIdentity
from elonara.invitations import actions
from elonara.invitations.models import Batch, Invitation

CAROL, DAN = "did:plc:carol", "did:plc:dan"


@pytest.fixture
def step(signed_in, alice, friends, picnic):
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite"

    def go(data=None):
        where = address + "&step=check"
        return client.post(where, data) if data is not None else client.get(where)

    client.post(address, {"did": [CAROL, DAN], "go": "next"})
    go({"note": "Bring bread.", f"line:{DAN}": "And you a song.", "go": "preview"})
    return go


def end_session(friends, only=()):
    """Bluesky answers as to a visitor: nobody's blocks and mutes are known (or not those of `only`)."""
    MemberIdentity.objects.update(state="needs_reauth")
    friends.forget()
    if only:
        friends.people = [dataclasses.replace(one, known=one.did not in only) for one in friends.people]
    else:
        friends.known = False


@pytest.mark.parametrize("unknown", [(), (DAN,)], ids=["nobody is known", "one is known from before"])
@pytest.mark.promise("ended-session-refuses")
def test_send_is_refused_with_reauthorize_and_nothing_is_lost(step, friends, unknown):
    check = step()
    sent = {"note": "Bring bread.", f"line:{DAN}": "And you a song.", "go": "send"} | shown(check)
    end_session(friends, unknown)
    response = step(sent)
    page = page_text(response)
    assert response.status_code == 400
    assert "Your Bluesky permission has ended" in page
    assert 'action="/auth/bluesky/reauthorize"' in page
    assert ">Reauthorize</button>" in page
    assert not Batch.objects.exists()
    MemberIdentity.objects.update(state="active")
    friends.known = True
    friends.people = [dataclasses.replace(one, known=True) for one in friends.people]
    again = step()
    for words in ("Bring bread.", "And you a song.", "@carol.example", "@dan.example"):
        assert words in page_text(again)
    assert step(sent | shown(again)).status_code == 302
    assert Invitation.objects.count() == 2


def test_the_check_page_says_so_before_send_is_pressed(step, friends):
    end_session(friends)
    page = page_text(step())
    assert "Your Bluesky permission has ended" in page
    assert ">Reauthorize</button>" in page


def test_a_program_is_told_too(step, alice, picnic, friends):
    end_session(friends)
    assert actions.preview(alice, picnic, [CAROL]).refusal.code == "session_ended"
    with pytest.raises(actions.InvitationRefused) as refused:
        actions.invite(alice, picnic, [CAROL], idempotency_key="once")
    assert (refused.value.code, refused.value.action) == ("session_ended", "reauthorize")
    friends.known = True
    assert actions.invite(alice, picnic, [CAROL], idempotency_key="once").queued == 1, "the key is not used up"


def test_who_may_not_be_invited_anyway_needs_no_session(step, alice, picnic, friends):
    actions.invite(alice, picnic, [CAROL])
    end_session(friends)
    left_out = actions.invite(alice, picnic, [CAROL]).skipped
    assert [one.reason for one in left_out] == ["already_invited"]
