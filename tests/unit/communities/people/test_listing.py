"""Who is in a community: in which order, found by which words, and page after page."""

import pytest
from django.utils import timezone

from elonara.communities import actions, queries
from elonara.communities.models import Membership
from elonara.communities.people import listing


def names(rows):
    return [row.member.username if row.member else row.name for row in rows]


@pytest.fixture
def crowd(bakers, make_member):
    """A moderator, two members, and somebody without an account."""
    mod = make_member("mo", display_name="Moritz")
    Membership.objects.create(community=bakers, member=mod, role="moderator")
    actions.join(bakers, member=make_member("lukasz", display_name="Łukasz Żak"))
    actions.join(bakers, member=make_member("eva", did="did:plc:eva"))
    actions.join(bakers, did="did:plc:gil", handle="gil.example", name="Gïl Ömer", invited=True)
    return bakers


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["alice", "mo", "lukasz", "eva", "Gïl Ömer"]),
        ("zak LUKASZ", ["lukasz"]),
        ("moritz", ["mo"]),
        ("@eva.exa", ["eva"]),
        ("omer", ["Gïl Ömer"]),
        ("@gil.example", ["Gïl Ömer"]),
        ("ev", ["eva"]),
        ("va", []),
        ("lukasz moritz", []),
        ("100%", []),
    ],
)
def test_people_are_found_by_every_word_of_name_or_handle(crowd, typed, found):
    assert names(queries.people(crowd, typed)) == found


def test_nobody_of_another_community_is_found(crowd, make_member):
    other = actions.create(make_member("zoe"), name="Brewers")
    assert names(queries.people(other, "lukasz")) == []


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_cursor_leads_through_everybody_once(crowd, limit):
    seen, cursor = [], ""
    for _ in range(9):
        rows, cursor = listing.after(crowd, "", cursor, limit)
        seen += names(rows)
        if not cursor:
            break
    assert seen == names(queries.people(crowd))


def test_who_joins_at_the_same_moment_is_not_left_out(crowd):
    Membership.objects.filter(community=crowd).update(joined_at=timezone.now())
    first, cursor = listing.after(crowd, "", "", 3)
    rest, end = listing.after(crowd, "", cursor, 3)
    assert (names(first + rest), end) == (names(queries.people(crowd)), "")


@pytest.mark.parametrize("cursor", ["x", "MQ", "MS4yLjM", "²", "MC45OTk5OTk5OTk5OTk5OTk5OTk5OS4x"])
def test_a_cursor_that_was_not_given_is_refused(bakers, cursor):
    with pytest.raises(listing.WrongMembersCursor):
        listing.after(bakers, "", cursor, 5)


def test_of_a_private_community_only_members_see_everybody(bakers, secret, alice, make_member):
    bob = make_member("bob")
    assert queries.may_see_people(bakers, None)
    assert not queries.may_see_people(secret, bob)
    actions.join(secret, did="did:plc:gil", invited=True)
    assert queries.may_see_people(secret, None, ["did:plc:gil"])
    assert queries.may_see_people(secret, alice)
