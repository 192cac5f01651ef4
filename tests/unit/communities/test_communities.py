"""Creating, changing, closing and reading communities."""

import pytest

from elonara.communities import actions, queries
from elonara.communities.models import Community, Membership


def test_the_creator_of_a_community_is_its_admin(make_member):
    alice = make_member(did="did:plc:alice")
    community = actions.create(alice, name=" Bakers \n of  Bern ", description="Bread.\r\nCake.")
    assert (community.name, community.description) == ("Bakers of Bern", "Bread.\nCake.")
    row = Membership.objects.get()
    assert (row.member, row.role, row.did) == (alice, "admin", "did:plc:alice")
    assert queries.may_manage(community, alice)
    assert queries.may_invite(community, alice)


def test_invalid_input_is_refused_with_a_sentence_per_field(alice):
    with pytest.raises(actions.Invalid) as refused:
        actions.create(alice, name="", description="x" * 5001, visibility="secret", picture_alt="y" * 301)
    assert refused.value.errors == {
        "name": "Give the community a name.",
        "description": "The description has 5001 characters; 5000 fit.",
        "visibility": "Choose public or private.",
        "picture_alt": "The description of the picture has 301 characters; 300 fit.",
    }
    assert not Community.objects.exists()


def test_a_pending_member_cannot_create_a_community(make_member):
    with pytest.raises(actions.NotAllowed, match="waiting for approval"):
        actions.create(make_member(standing="pending"), name="Bakers")


def test_only_admins_change_it(bakers, make_member):
    moderator = make_member()
    Membership.objects.create(community=bakers, member=moderator, role="moderator")
    with pytest.raises(actions.NotAllowed, match="Only admins of Bakers"):
        actions.change(bakers, by=moderator, name="Mine")
    assert not queries.may_manage(bakers, moderator)
    assert queries.may_invite(bakers, moderator)


def test_plain_members_and_suspended_admins_may_not_invite(bakers, alice, make_member):
    bob = make_member()
    actions.join(bakers, member=bob)
    assert not queries.may_invite(bakers, bob)
    alice.standing = "suspended"
    assert not queries.may_invite(bakers, alice)


def test_listeners_are_called_after_the_commit_and_only_if_something_differs(
    bakers, alice, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(bakers, by=alice, name="Bakers", description="Bread.")
        assert heard == []
    assert heard == [{"description"}]
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(bakers, by=alice, name="Bakers")
    assert heard == [{"description"}]


def test_a_listener_that_raises_does_not_stop_the_others(bakers, alice, heard, django_capture_on_commit_callbacks):
    from elonara.communities import hooks

    def broken(community, fields):
        raise RuntimeError

    hooks._on_change.insert(0, broken)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            actions.change(bakers, by=alice, name="Brewers")
    finally:
        hooks._on_change.remove(broken)
    assert heard == [{"name"}]


def test_closing_ends_joining_but_members_still_see_it(
    bakers, alice, make_member, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        actions.close(bakers, alice)
    assert heard == [{"closed_at"}]
    with pytest.raises(actions.NotAllowed, match="closed"):
        actions.join(bakers, member=make_member(), invited=True)
    with pytest.raises(actions.NotAllowed, match="closed"):
        actions.change(bakers, by=alice, name="Open")
    assert queries.may_see(bakers, alice)
    assert not queries.may_see(bakers)
    assert not queries.public()


def test_a_private_community_is_seen_by_those_who_belong(secret, alice, make_member):
    actions.join(secret, did="did:plc:bob", invited=True)
    assert queries.may_see(secret, alice)
    assert queries.may_see(secret, None, ["did:plc:bob"])
    assert not queries.may_see(secret, make_member())
    assert not queries.may_see(secret, None, ["did:plc:eve", ""])
    invited = Community.objects.values("pk")
    assert queries.find(secret.slug, make_member(), (), invited.none()) is None
    assert queries.find(secret.slug, make_member(), (), invited) == secret
    assert queries.find(secret.slug, alice, (), invited.none()) == secret
    assert list(queries.visible_to(None, ["did:plc:bob"])) == [secret]
    assert list(queries.visible_to(make_member())) == []


def test_the_public_list_counts_members_and_leaves_out_the_suspended(bakers, secret, alice, make_member):
    actions.join(bakers, member=make_member())
    assert [(row.name, row.member_count) for row in queries.public()] == [("Bakers", 2)]
    assert [row.name for row in queries.public("bAk")] == ["Bakers"]
    assert not queries.public("brew")
    alice.standing = "suspended"
    alice.save()
    assert not queries.public()


def test_the_members_of_a_large_community_take_one_query(bakers, make_member, django_assert_num_queries):
    for number in range(20):
        actions.join(bakers, member=make_member(did=f"did:plc:{number}"))
    with django_assert_num_queries(1):
        rows = [(row.role, row.member.name, getattr(row.member, "bluesky", None)) for row in queries.people(bakers)]
    assert rows[0][:2] == ("admin", "Alice")
    assert len(rows) == 21
