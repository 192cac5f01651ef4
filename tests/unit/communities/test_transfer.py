"""Giving a community to somebody else: she accepts, and it is never have no admin."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from elonara.communities import actions, memberships, queries, transfer, transfer_rows
from elonara.communities.models import Community, Membership, Transfer
from elonara.members import actions as members
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry


@pytest.fixture
def bob(make_member):
    return make_member("bob", did="did:plc:bob", display_name="Bob")


@pytest.fixture
def asked(bakers, alice, bob):
    transfer.ask(bakers, by=alice, member=bob)
    return bob


def roles(community):
    return {row.member.username: row.role for row in Membership.objects.filter(community=community)}


def row_of(community, member):
    return Membership.objects.get(community=community, member=member)


def open_texts(member):
    return [notice.text for notice in member.notices.filter(dismissed_at=None).order_by("created_at")]


@pytest.mark.promise("transfer-accepted")
def test_nothing_changes_until_she_accepts(bakers, alice, asked):
    assert roles(bakers) == {"alice": "admin"}
    assert open_texts(asked) == ["Alice asks you to take over Bakers. Accept or decline on its page."]
    assert not queries.may_manage(bakers, asked)
    with pytest.raises(NotAllowed, match="Only admins"):
        actions.change(bakers, by=asked, name="Mine")


def test_when_she_accepts_she_is_admin_and_the_former_one_a_moderator(bakers, alice, asked, heard):
    transfer.accept(bakers, by=asked)
    assert roles(bakers) == {"alice": "moderator", "bob": "admin"}
    assert row_of(bakers, asked).did == "did:plc:bob"
    assert bakers.created_by == asked
    assert open_texts(alice) == ["Bob has taken over Bakers. You stay as a moderator."]
    assert open_texts(asked) == ["Bakers is yours now. Alice stays as a moderator."]
    assert list(AuditEntry.objects.order_by("pk").values_list("who", "what", "subject", "note")) == [
        ("alice", "transfer_asked", "community bakers", "bob"),
        ("bob", "transferred", "community bakers", "from alice"),
    ]
    actions.leave(bakers, member=alice)
    with pytest.raises(NotAllowed, match="have no admin"):
        actions.leave(bakers, member=asked)


@pytest.mark.parametrize("role", ["moderator", "member"])
def test_who_belongs_to_it_already_gets_the_role(bakers, alice, bob, role):
    Membership.objects.create(community=bakers, member=bob, role=role)
    transfer.ask(bakers, by=alice, member=bob)
    transfer.accept(bakers, by=bob)
    assert roles(bakers) == {"alice": "moderator", "bob": "admin"}


def test_who_belongs_to_it_by_her_account_on_bluesky_alone(bakers, alice, bob):
    Membership.objects.create(community=bakers, did="did:plc:bob", handle="bob.example")
    transfer.ask(bakers, by=alice, member=bob)
    transfer.accept(bakers, by=bob)
    assert roles(bakers) == {"alice": "moderator", "bob": "admin"}


def test_other_admins_stay_and_may_take_the_question_back(bakers, alice, bob, make_member):
    zoe = make_member("zoe")
    Membership.objects.create(community=bakers, member=zoe, role="admin")
    transfer.ask(bakers, by=zoe, member=bob)
    transfer.take_back(bakers, by=alice)
    assert transfer_rows.waiting(bakers) is None
    transfer.ask(bakers, by=zoe, member=bob)
    transfer.accept(bakers, by=bob)
    assert roles(bakers) == {"alice": "admin", "zoe": "moderator", "bob": "admin"}
    assert Community.objects.get().created_by == alice  # who answers for it has not given it away


def test_an_admin_is_not_asked(bakers, alice, bob):
    Membership.objects.create(community=bakers, member=bob, role="admin")
    with pytest.raises(NotAllowed, match="an admin already"):
        transfer.ask(bakers, by=alice, member=bob)


@pytest.mark.promise("transfer-accepted")
def test_only_admins_ask_and_only_who_is_asked_answers(bakers, alice, asked, make_member):
    mallory, moderator = make_member("mallory"), make_member("mod")
    Membership.objects.create(community=bakers, member=moderator, role="moderator")
    for member in (mallory, moderator, asked):
        for attempt in (
            lambda who=member: transfer.ask(bakers, by=who, member=who),
            lambda who=member: transfer.take_back(bakers, by=who),
        ):
            with pytest.raises(NotAllowed, match="Only admins"):
                attempt()
    for member in (mallory, moderator, alice):
        for answer in (transfer.accept, transfer.decline):
            with pytest.raises(NotAllowed, match="Nobody is asking you"):
                answer(bakers, by=member)
    transfer.decline(bakers, by=asked)
    assert open_texts(alice) == ["Bob declined to take over Bakers. Nothing has changed."]
    assert roles(bakers) == {"alice": "admin", "mod": "moderator"}


@pytest.mark.promise("transfer-accepted")
@pytest.mark.parametrize("way", ["demoted", "removed", "left"])
def test_who_is_no_admin_any_more_gives_nothing_away(bakers, alice, asked, make_member, way):
    zoe = make_member("zoe")
    Membership.objects.create(community=bakers, member=zoe, role="admin")
    match way:
        case "demoted":
            actions.set_role(bakers, by=zoe, membership=row_of(bakers, alice), role="member")
        case "removed":
            actions.remove_member(bakers, by=zoe, membership=row_of(bakers, alice))
        case _:
            actions.leave(bakers, member=alice)
    assert transfer_rows.waiting(bakers) is None
    with pytest.raises(NotAllowed, match="Nobody is asking you"):
        transfer.accept(bakers, by=asked)
    assert roles(bakers)["zoe"] == "admin"
    assert "bob" not in roles(bakers)


def test_another_admins_question_stays_when_one_leaves(bakers, alice, bob, make_member):
    zoe = make_member("zoe")
    Membership.objects.create(community=bakers, member=zoe, role="admin")
    transfer.ask(bakers, by=alice, member=bob)
    actions.leave(bakers, member=zoe)
    assert transfer_rows.waiting(bakers).to == bob


@pytest.mark.parametrize("end", ["close", "hide"])
def test_a_closed_or_hidden_one_is_not_taken_over(bakers, alice, asked, make_member, end):
    if end == "close":
        actions.close(bakers, alice)
    else:
        actions.hide(bakers, make_member("operator", is_superuser=True, is_staff=True))
    assert transfer_rows.waiting(bakers) is None
    assert open_texts(asked) == []
    sentence = "is closed" if end == "close" else "hidden by the operator"
    Transfer.objects.update(outcome="", ended_at=None)  # as if the question had come at that very moment
    bakers.refresh_from_db()
    with pytest.raises(NotAllowed, match=sentence):
        transfer.accept(bakers, by=asked)
    transfer.take_back(bakers, by=alice)
    with pytest.raises(NotAllowed, match=sentence):
        transfer.ask(bakers, by=alice, member=asked)


def test_who_is_asked_about_a_private_one_may_read_it(secret, alice, bob, make_member):
    transfer.ask(secret, by=alice, member=bob)
    assert queries.may_see(secret, bob)
    assert secret not in queries.visible_to(bob)
    assert not queries.may_see(secret, make_member())
    transfer.accept(secret, by=bob)
    assert queries.may_manage(secret, bob)


def test_pressed_twice_is_as_once(bakers, asked):
    transfer.accept(bakers, by=asked)
    transfer.accept(bakers, by=asked)
    assert roles(bakers) == {"alice": "moderator", "bob": "admin"}


def test_who_answers_for_it_now_is_whose_suspension_withholds_it(bakers, alice, asked, make_member):
    transfer.accept(bakers, by=asked)
    operator = make_member("operator", is_superuser=True, is_staff=True)
    members.suspend(alice, operator)
    assert queries.public().exists()
    members.suspend(asked, operator)
    assert not queries.public().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("transfer-accepted")
@pytest.mark.parametrize("other", ["accept", "leave", "demote", "join"])
def test_at_once_with_something_else_an_admin_is_left(bakers, alice, asked, make_member, other):
    zoe = make_member("zoe")
    Membership.objects.create(community=bakers, member=zoe, role="admin")
    mine = row_of(bakers, zoe)
    calls = {
        "accept": lambda: transfer.accept(bakers, by=asked),
        "leave": lambda: actions.leave(bakers, member=zoe),
        "demote": lambda: actions.set_role(bakers, by=alice, membership=mine, role="member"),
        "join": lambda: memberships.join(bakers, member=asked),
    }
    together = Barrier(2)

    def run(call):
        together.wait(10)
        try:
            call()
        except NotAllowed:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (calls["accept"], calls[other])))
    found = roles(bakers)
    assert found["bob"] == "admin"
    assert found["alice"] == "moderator"
    assert Membership.objects.filter(community=bakers, member=asked).count() == 1
