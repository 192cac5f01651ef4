"""A removal is heard of and holds; leaving leaves no mark."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions, queries, transfer, transfer_rows
from elonara.communities.models import Membership, Removal
from elonara.members.models import AuditEntry
from elonara.members.queries import open_notices


@pytest.fixture
def bob(make_member):
    return make_member("bob", did="did:plc:bob")


@pytest.fixture
def removed(bakers, alice, bob):
    """Alice has removed bob."""
    actions.remove_member(bakers, by=alice, membership=actions.join(bakers, member=bob))
    return bakers


def texts(member):
    return [notice.text for notice in open_notices(member)]


def test_she_hears_of_it_and_what_is_kept_says_who_did_it(removed, alice, bob):
    (text,) = texts(bob)
    assert text.startswith("You were removed from Bakers.")
    row = Removal.objects.get()
    assert (row.member, row.did, row.by) == (bob, "did:plc:bob", alice)
    assert AuditEntry.objects.get().what == "person_removed"


@pytest.mark.promise("community-decides")
def test_she_does_not_rejoin_by_account_by_did_or_by_an_older_invitation(removed, bob, make_member):
    before = timezone.now() - timedelta(days=1)
    for ways in (
        {"member": bob},
        {"member": bob, "invited": True, "invited_at": before},
        {"did": "did:plc:bob", "invited": True, "invited_at": before},
    ):
        with pytest.raises(actions.NotAllowed) as refused:
            actions.join(removed, **ways)
        assert refused.value.code == "removed"
    MemberIdentity.objects.all().delete()
    later = make_member("robert", did="did:plc:bob")
    with pytest.raises(actions.NotAllowed, match="removed"):
        actions.join(removed, member=later)


def test_a_newer_invitation_lets_her_in(removed, bob):
    assert actions.join(removed, member=bob, invited=True, invited_at=timezone.now())
    assert not Removal.objects.exists()


def test_she_may_ask_where_others_just_join(removed, alice, bob):
    row = actions.ask(removed, by=bob, word="Sorry")
    actions.accept(removed, by=alice, request_id=row.pk)
    assert queries.role_of(removed, bob) == "member"
    assert not Removal.objects.exists()


def test_declined_after_a_removal_she_is_added_again_by_a_moderator(removed, alice, bob, make_member):
    mod = make_member("mo")
    Membership.objects.create(community=removed, member=mod, role="moderator")
    actions.decline(removed, by=alice, request_id=actions.ask(removed, by=bob).pk)
    removal = Removal.objects.get()
    with pytest.raises(actions.NotAllowed, match="Only admins and moderators"):
        actions.add_again(removed, by=bob, removal_id=removal.pk)
    actions.add_again(removed, by=mod, removal_id=removal.pk)
    assert queries.role_of(removed, bob) == "member"
    assert any("mo added you" in text for text in texts(bob))
    with pytest.raises(actions.NotAllowed, match="let in"):
        actions.add_again(removed, by=mod, removal_id=removal.pk)
    actions.leave(removed, member=bob)
    assert actions.join(removed, member=bob)


def test_a_removal_of_another_community_is_not_lifted(removed, bob, make_member):
    other = actions.create(make_member("zoe"), name="Brewers")
    with pytest.raises(actions.NotAllowed):
        actions.add_again(other, by=other.created_by, removal_id=Removal.objects.get().pk)
    assert Removal.objects.exists()


def test_leaving_and_removing_oneself_leave_no_mark(bakers, alice, bob, make_member):
    actions.join(bakers, member=bob)
    actions.leave(bakers, member=bob)
    assert actions.join(bakers, member=bob)
    second = Membership.objects.create(community=bakers, member=make_member("ada"), role="admin")
    actions.remove_member(bakers, by=second.member, membership=second)
    assert not Removal.objects.exists()
    assert texts(second.member) == []


def test_people_without_an_account_are_removed_and_added_too(bakers, alice):
    row = actions.join(bakers, did="did:plc:gil", name="Gil", invited=True)
    actions.remove_member(bakers, by=alice, membership=row)
    with pytest.raises(actions.NotAllowed, match="removed"):
        actions.join(bakers, did="did:plc:gil", invited=True, invited_at=timezone.now() - timedelta(days=1))
    again = actions.add_again(bakers, by=alice, removal_id=Removal.objects.get().pk)
    assert (again.did, again.name) == ("did:plc:gil", "Gil")


@pytest.mark.promise("private-is-absent")
def test_a_private_community_is_not_there_for_who_was_removed_from_it(secret, alice, bob):
    row = actions.join(secret, member=bob, invited=True)
    assert queries.find(secret.slug, bob, [], Membership.objects.none().values("community")) == secret
    actions.remove_member(secret, by=alice, membership=row)
    nothing = Membership.objects.none().values("community")
    assert queries.find(secret.slug, bob, [], nothing) is None
    assert queries.find(secret.slug, None, ["did:plc:bob"], nothing) is None
    assert [notice.link for notice in open_notices(bob)] == [""]


def test_who_is_asked_to_take_it_over_comes_back_by_that(removed, alice, bob):
    transfer.ask(removed, by=alice, member=bob)
    transfer.accept(removed, by=bob)
    assert queries.role_of(removed, bob) == "admin"
    assert not Removal.objects.exists()


def test_add_again_adds_the_account_and_not_who_has_its_did_by_now(removed, alice, bob, make_member):
    MemberIdentity.objects.all().delete()
    other = make_member("robert", did="did:plc:bob")
    actions.add_again(removed, by=alice, removal_id=Removal.objects.get().pk)
    assert queries.role_of(removed, bob) == "member"
    assert queries.role_of(removed, other) is None
    assert any("again" in text for text in texts(bob))


def test_a_question_to_take_it_over_ends_with_a_removal(bakers, alice, bob):
    membership = actions.join(bakers, member=bob)
    transfer.ask(bakers, by=alice, member=bob)
    actions.remove_member(bakers, by=alice, membership=membership)
    assert transfer_rows.waiting(bakers) is None
