"""Asking to join: who may, who decides, and what holds afterwards."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.unit.events.test_at_once import at_once

from elonara.communities import actions, queries
from elonara.communities.models import JoinRequest, Membership, Removal
from elonara.communities.people import requests
from elonara.communities.principals import principal_of
from elonara.members.models import AuditEntry, Member
from elonara.members.queries import open_notices


@pytest.fixture
def bob(make_member):
    return make_member("bob", display_name="Bob")


@pytest.fixture
def choosy(alice):
    return actions.create(alice, name="Brewers", joining="request")


def texts(member):
    return [notice.text for notice in open_notices(member)]


def test_where_one_asks_nobody_just_joins(choosy, bob):
    with pytest.raises(actions.NotAllowed, match="Ask to join") as refused:
        actions.join(choosy, member=bob)
    assert refused.value.code == "ask_first"
    assert choosy.memberships.count() == 1


def test_who_is_invited_joins_without_asking(choosy, bob):
    actions.ask(choosy, by=bob)
    assert actions.join(choosy, member=bob, invited=True).role == "member"
    assert requests.waiting(choosy).count() == 0


def test_admins_and_moderators_hear_of_it_and_the_word_is_kept(choosy, bob, alice, make_member):
    mod, plain = make_member("mo"), make_member("pia")
    Membership.objects.create(community=choosy, member=mod, role="moderator")
    Membership.objects.create(community=choosy, member=plain)
    row = actions.ask(choosy, by=bob, word=" I brew. ")
    assert actions.ask(choosy, by=bob, word="again") == row
    assert row.word == "I brew."
    assert texts(alice) == texts(mod) == ["Bob asks to join Brewers."]
    assert texts(plain) == []
    actions.ask(choosy, by=make_member("cleo"))
    assert texts(alice) == ["cleo asks to join Brewers. 2 people are waiting."]


def test_accepted_with_a_word_she_is_in_and_told(choosy, bob, alice):
    row = actions.ask(choosy, by=bob)
    assert actions.accept(choosy, by=alice, request_id=row.pk, word=" Welcome. ").outcome == "accepted"
    assert queries.role_of(choosy, bob) == "member"
    assert texts(bob) == ["You are in: Brewers accepted your request. “Welcome.”"]
    assert texts(alice) == []
    assert AuditEntry.objects.get().what == "join_accepted"


@pytest.mark.promise("community-decides")
def test_who_was_declined_cannot_ask_again_and_is_accepted_later(choosy, bob, alice):
    row = actions.ask(choosy, by=bob)
    actions.decline(choosy, by=alice, request_id=row.pk, word="Full")
    assert texts(bob) == ["The admins of Brewers declined your request to join. “Full”"]
    for attempt in (
        lambda: actions.ask(choosy, by=bob),
        lambda: actions.join(choosy, member=bob),
        lambda: actions.decline(choosy, by=alice, request_id=row.pk),
    ):
        with pytest.raises(actions.NotAllowed):
            attempt()
    actions.withdraw(choosy, by=bob)
    actions.change(choosy, by=alice, joining="open")
    with pytest.raises(actions.NotAllowed, match="declined"):
        actions.join(choosy, member=bob)
    actions.accept(choosy, by=alice, request_id=row.pk)
    assert queries.role_of(choosy, bob) == "member"
    actions.leave(choosy, member=bob)
    assert actions.join(choosy, member=bob)


@pytest.mark.promise("community-decides")
def test_only_an_invitation_after_the_decision_opens(choosy, bob, alice):
    before = timezone.now() - timedelta(hours=1)
    row = actions.ask(choosy, by=bob)
    actions.decline(choosy, by=alice, request_id=row.pk)
    for at in (before, None):
        with pytest.raises(actions.NotAllowed, match="declined"):
            actions.join(choosy, member=bob, invited=True, invited_at=at)
    assert actions.join(choosy, member=bob, invited=True, invited_at=timezone.now())
    assert JoinRequest.objects.get().outcome == "accepted"


def test_a_request_is_taken_back_and_made_again_three_times_a_day(choosy, bob, alice):
    for _ in range(requests.MAX_A_DAY):
        actions.ask(choosy, by=bob)
        actions.withdraw(choosy, by=bob)
        assert texts(alice) == []
    actions.withdraw(choosy, by=bob)
    with pytest.raises(actions.NotAllowed, match="tomorrow"):
        actions.ask(choosy, by=bob)


@pytest.mark.parametrize("word", ["x" * 501])
def test_a_word_has_bounds(choosy, bob, alice, word):
    with pytest.raises(actions.Invalid):
        actions.ask(choosy, by=bob, word=word)
    row = actions.ask(choosy, by=bob)
    with pytest.raises(actions.Invalid):
        actions.decline(choosy, by=alice, request_id=row.pk, word="x" * 301)
    assert requests.waiting(choosy).count() == 1


@pytest.mark.promise("community-decides")
def test_only_those_who_run_it_decide(choosy, bob, make_member):
    row, plain = actions.ask(choosy, by=bob), make_member("pia")
    Membership.objects.create(community=choosy, member=plain)
    other = actions.create(plain, name="Bakers")
    for decide in (actions.accept, actions.decline):
        for by in (plain, bob):
            with pytest.raises(actions.NotAllowed, match="Only admins and moderators"):
                decide(choosy, by=by, request_id=row.pk)
        with pytest.raises(actions.NotAllowed, match="decided already"):
            decide(other, by=plain, request_id=row.pk)
    mod = make_member("mo")
    Membership.objects.create(community=choosy, member=mod, role="moderator")
    actions.accept(choosy, by=mod, request_id=row.pk)


def test_nobody_asks_where_it_leads_nowhere(bakers, secret, choosy, bob, alice, make_member):
    for community, sentence in ((bakers, "do not need to ask"), (secret, "private")):
        with pytest.raises(actions.NotAllowed, match=sentence):
            actions.ask(community, by=bob)
    with pytest.raises(actions.NotAllowed, match="already"):
        actions.ask(choosy, by=alice)
    with pytest.raises(actions.NotAllowed, match="waiting"):
        actions.ask(choosy, by=make_member(standing="pending"))
    row = actions.ask(choosy, by=bob)
    actions.close(choosy, alice)
    assert JoinRequest.objects.get().outcome == "ended"
    choosy.refresh_from_db()
    with pytest.raises(actions.NotAllowed, match="closed"):
        actions.ask(choosy, by=make_member())
    with pytest.raises(actions.NotAllowed, match="closed"):
        actions.accept(choosy, by=alice, request_id=row.pk)


def test_while_it_is_hidden_nobody_asks_or_decides(choosy, bob, alice, make_member):
    row = actions.ask(choosy, by=bob)
    actions.hide(choosy, make_member(is_superuser=True))
    for attempt in (
        lambda: actions.ask(choosy, by=make_member()),
        lambda: actions.accept(choosy, by=alice, request_id=row.pk),
    ):
        with pytest.raises(actions.NotAllowed, match="hidden"):
            attempt()


def test_somebody_suspended_meanwhile_is_not_let_in(choosy, bob, alice):
    row = actions.ask(choosy, by=bob)
    Member.objects.filter(pk=bob.pk).update(standing="suspended")
    with pytest.raises(actions.NotAllowed, match="not active"):
        actions.accept(choosy, by=alice, request_id=row.pk)
    assert requests.waiting(choosy).count() == 1


def test_where_nobody_has_to_ask_any_more_who_waits_is_in(choosy, bob, alice, make_member):
    gone, late = make_member("gone"), make_member("late")
    Removal.objects.create(community=choosy, member=gone)
    for member in (bob, gone, late):
        actions.ask(choosy, by=member)
    Member.objects.filter(pk=late.pk).update(standing="suspended")
    actions.change(choosy, by=alice, joining="open")
    assert queries.role_of(choosy, bob) == "member"
    assert texts(bob) == ["You are in: Brewers accepted your request."]
    assert {row.member.username for row in requests.waiting(choosy)} == {"gone", "late"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("community-decides")
def test_accepting_declining_and_taking_back_at_once_have_one_outcome(choosy, bob, alice):
    row = actions.ask(choosy, by=bob)
    outcomes = at_once(
        lambda: actions.accept(choosy, by=alice, request_id=row.pk),
        lambda: actions.decline(choosy, by=alice, request_id=row.pk),
        lambda: actions.withdraw(choosy, by=bob),
    )
    row.refresh_from_db()
    # Who was declined is accepted afterwards; in every other order the first counts.
    assert (queries.role_of(choosy, bob) is not None) == (row.outcome == "accepted")
    assert row.outcome in {"accepted", "declined", "withdrawn"}
    assert sum(isinstance(one, JoinRequest) for one in outcomes) <= 2
    assert principal_of(bob).member == bob


@pytest.mark.parametrize("fields", [{"visibility": "private", "joining": "open"}, {"visibility": "private"}])
def test_a_community_that_becomes_private_lets_in_nobody_who_waits(choosy, alice, bob, fields):
    actions.ask(choosy, by=bob)
    actions.change(choosy, by=alice, **fields)
    assert queries.role_of(choosy, bob) is None
    assert JoinRequest.objects.get().outcome == JoinRequest.Outcome.ENDED
    assert texts(alice) == []
    actions.change(choosy, by=alice, joining="request")
    actions.change(choosy, by=alice, joining="open")
    assert queries.role_of(choosy, bob) is None


def test_nobody_is_said_to_ask_once_all_are_let_in(choosy, alice, bob):
    actions.ask(choosy, by=bob)
    assert len(texts(alice)) == 1
    actions.change(choosy, by=alice, joining="open")
    assert queries.role_of(choosy, bob) == "member"
    assert texts(alice) == []
