"""Joining, leaving, roles, and people with a DID but no account."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions, queries
from elonara.communities.models import Membership


def rows(community):
    return list(
        Membership.objects.filter(community=community).order_by("pk").values_list("member__username", "did", "role")
    )


def test_joining_twice_changes_nothing(bakers, make_member, heard, django_capture_on_commit_callbacks):
    bob = make_member("bob")
    with django_capture_on_commit_callbacks(execute=True):
        first = actions.join(bakers, member=bob)
        assert actions.join(bakers, member=bob) == first
    assert heard == [first]


def test_a_private_community_opens_to_the_invited_only(secret, make_member):
    bob = make_member()
    with pytest.raises(actions.NotAllowed, match="Ask one of its admins"):
        actions.join(secret, member=bob)
    assert actions.join(secret, member=bob, invited=True).role == "member"


def test_a_did_without_account_joins_only_when_invited(bakers):
    with pytest.raises(actions.NotAllowed, match="Sign in"):
        actions.join(bakers, did="did:plc:bob", handle="bob.example")
    row = actions.join(bakers, did="did:plc:bob", handle="bob.example", name="Bob", invited=True)
    assert (row.member, row.did, row.handle, row.name) == (None, "did:plc:bob", "bob.example", "Bob")


def test_a_pending_member_joins_only_when_invited(bakers, make_member):
    bob = make_member(standing="pending")
    with pytest.raises(actions.NotAllowed, match="waiting for approval"):
        actions.join(bakers, member=bob)
    assert actions.join(bakers, member=bob, invited=True).member == bob


def test_a_suspended_member_cannot_join_by_her_did(bakers, make_member):
    make_member("eve", did="did:plc:eve", standing="suspended")
    with pytest.raises(actions.NotAllowed, match="suspended"):
        actions.join(bakers, did="did:plc:eve", invited=True)


def test_a_proven_did_is_its_owners_whoever_is_signed_in(bakers, make_member):
    bob, carol = make_member("bob", did="did:plc:bob"), make_member("carol")
    row = actions.join(bakers, member=carol, did="did:plc:bob", invited=True)
    assert row.member == bob


def test_joining_by_did_and_by_account_is_one_membership(bakers, make_member):
    actions.join(bakers, did="did:plc:bob", invited=True)
    bob = make_member("bob", did="did:plc:bob")
    actions.join(bakers, member=bob)
    assert len(rows(bakers)) == 2


def test_the_last_admin_cannot_leave_nor_step_down_nor_be_removed(bakers, alice, make_member):
    mine = Membership.objects.get(member=alice)
    actions.join(bakers, member=make_member())
    for attempt in (
        lambda: actions.leave(bakers, member=alice),
        lambda: actions.set_role(bakers, by=alice, membership=mine, role="member"),
        lambda: actions.remove_member(bakers, by=alice, membership=mine),
    ):
        with pytest.raises(actions.NotAllowed, match="have no admin"):
            attempt()
    assert queries.role_of(bakers, alice) == "admin"


def test_a_suspended_co_admin_does_not_count(bakers, alice, make_member):
    gone = make_member(standing="suspended")
    Membership.objects.create(community=bakers, member=gone, role="admin")
    with pytest.raises(actions.NotAllowed, match="have no admin"):
        actions.leave(bakers, member=alice)


def test_with_a_second_admin_the_first_may_go(bakers, alice, make_member):
    bob = make_member("bob")
    row = actions.join(bakers, member=bob)
    actions.set_role(bakers, by=alice, membership=row, role="admin")
    actions.leave(bakers, member=alice)
    assert rows(bakers) == [("bob", "", "admin")]
    actions.leave(bakers, member=alice)


def test_admins_assign_roles_to_people_with_an_account(bakers, alice, make_member):
    bob = actions.join(bakers, member=make_member("bob"))
    guest = actions.join(bakers, did="did:plc:g", name="Gil", invited=True)
    with pytest.raises(actions.NotAllowed, match="Gil has no account"):
        actions.set_role(bakers, by=alice, membership=guest, role="moderator")
    with pytest.raises(actions.NotAllowed, match="Only admins"):
        actions.set_role(bakers, by=bob.member, membership=bob, role="admin")
    with pytest.raises(actions.Invalid):
        actions.set_role(bakers, by=alice, membership=bob, role="king")
    assert actions.set_role(bakers, by=alice, membership=bob, role="moderator").role == bob.role == "moderator"


def test_a_membership_of_another_community_cannot_be_touched(bakers, alice, make_member):
    bob = make_member()
    other = actions.create(bob, name="Brewers")
    with pytest.raises(actions.NotAllowed, match="no longer in the community"):
        actions.remove_member(bakers, by=alice, membership=Membership.objects.get(community=other))


def test_moderators_remove_plain_members_only(bakers, alice, make_member):
    mod = make_member()
    Membership.objects.create(community=bakers, member=mod, role="moderator")
    bob = actions.join(bakers, member=make_member())
    with pytest.raises(actions.NotAllowed, match="Ask an admin"):
        actions.remove_member(bakers, by=mod, membership=Membership.objects.get(member=alice))
    with pytest.raises(actions.NotAllowed, match="Only admins and moderators"):
        actions.remove_member(bakers, by=bob.member, membership=bob)
    actions.remove_member(bakers, by=mod, membership=bob)
    assert queries.role_of(bakers, bob.member) is None


def test_linking_a_did_later_adopts_its_memberships(bakers, secret, make_member):
    bob = make_member("bob")
    actions.join(bakers, member=bob)
    own = Membership.objects.get(member=bob)
    actions.join(bakers, did="did:plc:bob", invited=True)
    actions.join(secret, did="did:plc:bob", invited=True)
    early = timezone.now() - timedelta(days=9)
    Membership.objects.filter(community=bakers, did="did:plc:bob").update(joined_at=early, role="moderator")
    MemberIdentity.objects.create(member=bob, bsky_did="did:plc:bob", bsky_handle="bob.example")
    assert actions.has_unadopted(bob, "did:plc:bob")
    assert actions.adopt(bob, "did:plc:bob") == 2
    own.refresh_from_db()
    assert (own.did, own.role, own.joined_at) == ("did:plc:bob", "moderator", early)
    assert rows(secret)[1:] == [("bob", "did:plc:bob", "member")]
    assert not actions.has_unadopted(bob, "did:plc:bob")
    assert actions.adopt(bob, "did:plc:bob") == 0
    assert actions.adopt(bob, "") == 0


def test_a_membership_by_account_or_by_did_alone_is_to_be_adopted(bakers, make_member):
    bob, eve = make_member("bob"), make_member("eve")
    assert not actions.has_unadopted(bob, "did:plc:bob")
    actions.join(bakers, did="did:plc:bob", invited=True)
    assert actions.has_unadopted(bob, "did:plc:bob")
    assert not actions.has_unadopted(bob, "did:plc:eve")
    actions.join(bakers, member=eve)
    assert actions.has_unadopted(eve, "did:plc:eve")


def test_nobody_adopts_what_is_another_members(bakers, make_member):
    bob = make_member("bob", did="did:plc:bob")
    actions.join(bakers, member=bob)
    eve = make_member("eve")
    assert not actions.has_unadopted(eve, "did:plc:bob")
    assert actions.adopt(eve, "did:plc:bob") == 0
    assert ("bob", "did:plc:bob", "member") in rows(bakers)
