"""Who may become a member."""

import pytest
from django.test import RequestFactory

from elonara.members import actions, queries
from elonara.members.models import Member, Notice
from elonara.members.sign_in.adapter import AccountAdapter

pytestmark = pytest.mark.django_db


def test_open_registration_creates_an_active_member_without_a_password(registration):
    registration("open")
    member = actions.member_for_new_did("did:plc:alice", "alice.bsky.social", "  Alice \n A. ")
    assert (member.username, member.display_name, member.standing) == ("alice", "Alice A.", "active")
    assert not member.has_usable_password()


def test_with_approval_a_member_is_pending_and_the_operator_notified(registration, operator):
    registration("approval")
    member = actions.member_for_new_did("did:plc:alice", "alice.bsky.social")
    actions.member_for_new_did("did:plc:bob", "bob.bsky.social")
    assert member.standing == Member.Standing.PENDING
    assert queries.open_notices(member).get().kind == "standing"
    assert queries.open_notices(operator).get().text == "2 new members are waiting for your approval."


def test_closed_registration_refuses_and_says_what_to_do(registration):
    registration("closed")
    with pytest.raises(actions.RegistrationClosed, match="answer an invitation"):
        actions.member_for_new_did("did:plc:alice", "alice.bsky.social")
    assert not Member.objects.exists()


def test_two_people_with_one_first_label_get_two_names(registration):
    registration("open")
    names = {actions.member_for_new_did(f"did:plc:{n}", f"sam.{n}.example").username for n in "abc"}
    assert len(names) == 3


def test_the_sign_up_form_is_closed_with_registration(registration):
    request = RequestFactory().get("/accounts/signup/")
    registration("closed")
    assert not AccountAdapter().is_open_for_signup(request)
    registration("approval")
    assert AccountAdapter().is_open_for_signup(request)


def test_the_form_saves_the_standing_for_the_mode(registration):
    class Form:
        cleaned_data = {"username": "dora", "email": "", "password1": "a long password"}

    registration("approval")
    member = AccountAdapter().save_user(RequestFactory().post("/"), Member(), Form())
    assert Member.objects.get(username="dora").standing == member.standing == "pending"
    assert Notice.objects.filter(member=member, kind="standing").exists()


def test_a_reserved_username_is_refused():
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        AccountAdapter().clean_username("Admin")
    assert AccountAdapter().clean_username("dora") == "dora"
