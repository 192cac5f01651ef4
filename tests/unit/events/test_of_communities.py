"""An event's community: chosen by whom admins allow, and an event taken out by those who run the community."""

import pytest

from elonara.communities import actions as communities
from elonara.communities import queries
from elonara.communities.models import Membership
from elonara.events import actions, again, hooks, of_communities
from elonara.members.models import AuditEntry, Member
from elonara.members.queries import open_notices


@pytest.fixture
def bakers(alice):
    return communities.create(alice, name="Bakers", members_add_events=True)


@pytest.fixture
def bob(make_member, bakers):
    """A plain member."""
    member = make_member("bob", display_name="Bob")
    communities.join(bakers, member=member)
    return member


@pytest.fixture
def walk(bob, bakers, soon):
    return actions.create(bob, title="Walk", starts_at=soon, timezone="UTC", community=bakers)


def names(rows):
    return [row.name for row in rows]


def test_plain_members_add_events_only_where_admins_allow_it(bakers, alice, bob, soon, make_member):
    assert names(queries.communities_for_events(bob)) == ["Bakers"]
    event = actions.create(bob, title="Walk", starts_at=soon, timezone="UTC")
    assert actions.change(event, by=bob, community=bakers).community == bakers
    actions.change(event, by=bob, community=None)
    communities.change(bakers, by=alice, members_add_events=False)
    assert names(queries.communities_for_events(bob)) == []
    for attempt in (
        lambda: actions.create(bob, title="Walk", starts_at=soon, timezone="UTC", community=bakers),
        lambda: actions.change(event, by=bob, community=bakers),
    ):
        with pytest.raises(actions.NotAllowed, match="Only admins and moderators of Bakers"):
            attempt()
    assert actions.create(alice, title="Walk", starts_at=soon, timezone="UTC", community=bakers).community == bakers


def test_strangers_and_people_who_may_not_act_add_none(bakers, bob, soon, make_member):
    with pytest.raises(actions.NotAllowed, match="Only members of Bakers"):
        actions.create(make_member(), title="Walk", starts_at=soon, timezone="UTC", community=bakers)
    Member.objects.filter(pk=bob.pk).update(standing="suspended")
    bob.refresh_from_db()
    assert not queries.may_add_events(bakers, bob)


def test_what_is_done_again_stays_in_the_community_while_she_may_add_to_it(bakers, alice, bob, walk, soon):
    assert again.fields_of(walk, bob, soon)["community"] == bakers
    communities.change(bakers, by=alice, members_add_events=False)
    walk.refresh_from_db()
    assert again.fields_of(walk, bob, soon)["community"] is None


def test_an_edit_keeps_the_community_that_she_could_not_choose_any_more(bakers, alice, bob, walk):
    communities.change(bakers, by=alice, members_add_events=False)
    assert names(queries.communities_for_events(bob, walk.community_id)) == ["Bakers"]
    assert actions.change(walk, by=bob, title="Long walk", community=bakers).community == bakers


@pytest.mark.parametrize("role", ["admin", "moderator"])
def test_those_who_run_it_take_an_event_out_and_its_hosts_hear_of_it(bakers, bob, walk, make_member, role):
    by, heard = make_member("ada"), []
    Membership.objects.create(community=bakers, member=by, role=role)
    hooks.on_change(listener := lambda event, fields: heard.append(fields))
    try:
        of_communities.take_out(walk, of=bakers, by=by)
    finally:
        hooks._on_change.remove(listener)
    walk.refresh_from_db()
    assert walk.community is None
    (notice,) = open_notices(bob)
    assert notice.text == "ada took Walk out of Bakers. It is still your event; its page and guests stay."
    assert AuditEntry.objects.get(by=by).what == "event_taken_out"
    with pytest.raises(actions.NotAllowed, match="no longer in Bakers"):
        of_communities.take_out(walk, of=bakers, by=by)


def test_nobody_else_takes_an_event_out(bakers, bob, walk, make_member):
    plain = make_member("pia")
    communities.join(bakers, member=plain)
    other = communities.create(plain, name="Brewers")
    with pytest.raises(actions.NotAllowed, match="Only admins and moderators"):
        of_communities.take_out(walk, of=bakers, by=plain)
    with pytest.raises(actions.NotAllowed, match="no longer in Brewers"):
        of_communities.take_out(walk, of=other, by=plain)
    walk.refresh_from_db()
    assert walk.community == bakers
