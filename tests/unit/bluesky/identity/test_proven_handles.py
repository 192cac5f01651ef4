"""Whom a typed name means when it is used to give somebody a right."""

import pytest
from tests.fakes.oauth import PLC, Network

from elonara.bluesky import network
from elonara.bluesky.identity.proven_handles import named_member
from elonara.bluesky.models import MemberIdentity
from elonara.members.errors import Invalid
from elonara.members.models import Member

DAN, EVE = "did:plc:dandandandandandandandan", "did:plc:eveeveeveeveeveeveeveeve"
HANDLE = "dan.example.com"


@pytest.fixture
def net(db, set_options):
    set_options(bluesky={"plc_url": PLC})
    found = Network()
    with network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def make(net):
    def member(username, did="", handle="", **fields):
        made = Member.objects.create_user(username, **fields)
        if did:
            MemberIdentity.objects.create(member=made, bsky_did=did, bsky_handle=handle, pds_url="https://pds.example")
        return made

    return member


@pytest.mark.parametrize("typed", [HANDLE, f"@{HANDLE}", HANDLE.upper(), f" @{HANDLE} "])
@pytest.mark.promise("proven-handle-wins")
def test_a_proven_handle_wins_over_a_username(net, make, typed):
    make(HANDLE)  # from before usernames were checked
    dan = make("dan", DAN, HANDLE)
    net.person(DAN, HANDLE, "https://pds.example")
    assert named_member(typed) == dan


@pytest.mark.promise("proven-handle-wins")
def test_a_handle_that_moved_names_its_new_owner(net, make):
    dan, eve = make("dan", DAN, HANDLE), make("eve", EVE, "eve.example.com")
    net.person(EVE, HANDLE, "https://pds.example")
    assert named_member(HANDLE) == eve
    assert dan.bluesky.__class__.objects.get(member=dan).bsky_handle == "handle.invalid"
    assert MemberIdentity.objects.get(member=eve).bsky_handle == HANDLE


def test_a_handle_is_looked_up_although_it_is_in_the_cache(net, make):
    make("dan", DAN, HANDLE)
    eve = make("eve", EVE, "eve.example.com")
    net.person(DAN, HANDLE, "https://pds.example")
    assert network.resolver().resolve(HANDLE).did == DAN  # some page asked, a minute ago
    net.person(EVE, HANDLE, "https://pds.example")
    assert named_member(HANDLE) == eve


def test_a_handle_that_moved_to_somebody_without_an_account_names_nobody(net, make):
    make("dan", DAN, HANDLE)
    make(HANDLE)
    net.person(EVE, HANDLE, "https://pds.example")
    for typed in (HANDLE, f"@{HANDLE}"):
        with pytest.raises(Invalid):
            named_member(typed)


def test_the_handle_of_somebody_elsewhere_is_no_username_here(net, make):
    make(HANDLE)
    net.person(DAN, HANDLE, "https://pds.example")
    with pytest.raises(Invalid):
        named_member(HANDLE)


def test_while_the_network_is_away_no_handle_is_taken_for_proven(net, make):
    make("dan", DAN, HANDLE)
    make(HANDLE)
    for typed in (HANDLE, f"@{HANDLE}"):
        with pytest.raises(Invalid):
            named_member(typed)


def test_a_username_names_its_member(net, make):
    old = make("john.doe")
    assert named_member("ALICE" if make("alice") else "").username == "alice"
    with pytest.raises(Invalid):
        named_member("@alice")
    with pytest.raises(Invalid):
        named_member("")
    assert old.is_active


def test_a_suspended_members_handle_names_nobody(net, make):
    make("dan", DAN, HANDLE, is_active=False)
    net.person(DAN, HANDLE, "https://pds.example")
    with pytest.raises(Invalid):
        named_member(HANDLE)
