"""Approving and suspending members, and what happens to their sessions."""

import pytest
from django.test import Client, RequestFactory

from elonara.members import actions, queries
from elonara.members.models import Member
from elonara.members.sign_in.adapter import AccountAdapter


@pytest.mark.promise("operators-only")
def test_only_the_operator_approves(make_member):
    member = make_member(standing="pending")
    with pytest.raises(actions.NotAllowed, match="operator"):
        actions.approve(member, make_member())
    member.refresh_from_db()
    assert member.standing == "pending"


def test_an_approved_member_may_act_and_is_notified(make_member, operator):
    member = make_member(standing="pending")
    actions.notify(member, "standing", "You wait.")
    actions.notify(operator, "approvals", "1 new member waits.")
    actions.approve(member, operator)
    assert queries.may_act(Member.objects.get(pk=member.pk))
    assert [notice.kind for notice in queries.open_notices(member)] == ["approved"]
    assert not queries.open_notices(operator).exists()


def test_a_pending_member_may_sign_in_but_not_act(make_member):
    member = make_member(standing="pending")
    assert queries.may_sign_in(member)
    assert not queries.may_act(member)
    with pytest.raises(actions.NotAllowed, match="waiting for approval by the operator"):
        actions.require_active(member)


@pytest.mark.promise("suspended-out")
def test_suspension_ends_every_session_and_token_at_once(make_member, operator):
    member, browser = make_member(), Client()
    browser.force_login(member)
    epoch = member.token_epoch
    assert "_auth_user_id" in browser.session
    before = member.get_session_auth_hash()
    actions.suspend(member, operator)
    again = Member.objects.get(pk=member.pk)
    assert (again.standing, again.token_epoch) == ("suspended", epoch + 1)
    assert again.get_session_auth_hash() != before
    request = RequestFactory().get("/")
    request.session = browser.session
    from django.contrib.auth import get_user

    assert get_user(request).is_anonymous


def test_an_operator_cannot_suspend_herself(operator):
    with pytest.raises(actions.NotAllowed, match="your own"):
        actions.suspend(operator, operator)


def test_a_suspended_operator_is_no_operator(make_member, operator):
    other = make_member(is_superuser=True, standing="suspended")
    with pytest.raises(actions.NotAllowed):
        actions.suspend(operator, other)


def test_a_new_password_ends_the_api_tokens(make_member):
    member = make_member()
    AccountAdapter().set_password(member, "another long password")
    again = Member.objects.get(pk=member.pk)
    assert again.token_epoch == 1
    assert again.check_password("another long password")
