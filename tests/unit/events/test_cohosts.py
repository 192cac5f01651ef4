"""Co-hosts: they are asked, they answer, and only then they run the event."""

import pytest

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events import actions, queries
from elonara.events.models import EventHost
from elonara.members.models import Notice


@pytest.fixture
def bob(make_member):
    return make_member("bob", did="did:plc:bob", display_name="Bob")


@pytest.fixture
def asked(picnic, alice, bob):
    actions.add_cohost(picnic, by=alice, member=bob)
    return bob


def rights(event, member):
    return {
        "manage": queries.may_manage(event, member),
        "invite": queries.may_invite(event, member),
        "role": queries.role_of(event, member),
        "shown": member.pk in [row.member_id for row in queries.hosts(event)],
        "not invited": bool(queries.host_dids(event)),
        "hosts": event in queries.hosted_by(member),
        "home": event in queries.upcoming(member),
        "in lists": any(row.member == member for one in queries.upcoming_public() for row in one.hosts.all()),
    }


NONE = dict.fromkeys(["manage", "invite", "shown", "not invited", "hosts", "home", "in lists"], False) | {"role": None}
ALL = dict.fromkeys(NONE, True) | {"role": "cohost"}


@pytest.mark.promise("cohosts-accept")
def test_who_is_asked_has_no_right_until_she_accepts(picnic, alice, asked, heard):
    assert rights(picnic, asked) == NONE
    assert asked.notices.get().text == "Alice asks you to host Picnic together. Accept or decline on its page."
    for attempt in (
        lambda: actions.change(picnic, by=asked, title="Mine"),
        lambda: actions.cancel(picnic, asked),
        lambda: actions.add_cohost(picnic, by=asked, member=asked),
        lambda: actions.remove_cohost(picnic, by=asked, member=alice),
    ):
        with pytest.raises(actions.NotAllowed):
            attempt()
    actions.accept_cohost(picnic, by=asked)
    assert rights(picnic, asked) == ALL
    assert not asked.notices.filter(dismissed_at=None).exists()
    assert alice.notices.get().text == "Bob now hosts Picnic with you."


def test_who_is_asked_may_read_a_private_event_and_find_it_in_no_list(supper, alice, bob, make_member):
    actions.add_cohost(supper, by=alice, member=bob)
    assert queries.may_see(supper, bob)
    assert supper not in queries.visible_to(bob)
    assert not queries.may_see(supper, make_member())
    actions.decline_cohost(supper, by=bob)
    assert not queries.may_see(supper, bob)


def test_who_declines_is_not_asked_again(picnic, alice, asked):
    actions.decline_cohost(picnic, by=asked)
    assert rights(picnic, asked) == NONE
    with pytest.raises(actions.NotAllowed, match="said no"):
        actions.add_cohost(picnic, by=alice, member=asked)
    actions.remove_cohost(picnic, by=alice, member=asked)
    with pytest.raises(actions.NotAllowed, match="said no"):
        actions.add_cohost(picnic, by=alice, member=asked)
    with pytest.raises(actions.NotAllowed):
        actions.accept_cohost(picnic, by=asked)


def test_nobody_accepts_what_she_was_not_asked(picnic, alice, asked, make_member):
    for member in (make_member(), alice):
        with pytest.raises(actions.NotAllowed):
            actions.accept_cohost(picnic, by=member)
    actions.remove_cohost(picnic, by=alice, member=asked)
    with pytest.raises(actions.NotAllowed):
        actions.accept_cohost(picnic, by=asked)
    assert rights(picnic, asked) == NONE


def test_who_was_suspended_meanwhile_cannot_accept(picnic, asked):
    asked.standing = "suspended"
    asked.save()
    with pytest.raises(actions.NotAllowed, match="suspended"):
        actions.accept_cohost(picnic, by=asked)


@pytest.mark.promise("cohosts-accept")
def test_only_the_host_changes_hosts_and_who_may_see_it(picnic, alice, asked, make_member):
    actions.accept_cohost(picnic, by=asked)
    carol = make_member("carol")
    bakers = communities.create(asked, name="Bakers")
    for attempt in (
        lambda: actions.add_cohost(picnic, by=asked, member=carol),
        lambda: actions.change(picnic, by=asked, visibility="private"),
        lambda: actions.change(picnic, by=asked, community=bakers),
    ):
        with pytest.raises(actions.NotAllowed, match="Only the host"):
            attempt()
    # What stays as it is may be sent along, as forms do.
    assert actions.change(picnic, by=asked, title="Swim", visibility="public", community=None).title == "Swim"
    Membership.objects.get_or_create(community=bakers, member=alice, defaults={"role": "admin"})
    assert actions.change(picnic, by=alice, visibility="private", community=bakers).visibility == "private"


def test_a_host_cannot_fill_the_sites_notices(picnic, alice, make_member):
    for _ in range(actions.MAX_COHOSTS):
        actions.add_cohost(picnic, by=alice, member=make_member())
    with pytest.raises(actions.NotAllowed, match="at most"):
        actions.add_cohost(picnic, by=alice, member=make_member())
    assert Notice.objects.count() == actions.MAX_COHOSTS


def test_asking_twice_asks_once(picnic, alice, asked):
    actions.add_cohost(picnic, by=alice, member=asked)
    assert EventHost.objects.filter(member=asked).count() == 1
    actions.accept_cohost(picnic, by=asked)
    actions.add_cohost(picnic, by=alice, member=asked)
    actions.accept_cohost(picnic, by=asked)
    assert queries.role_of(picnic, asked) == "cohost"
