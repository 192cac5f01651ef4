"""Notices on a member's pages: whether one of a kind is open."""

from elonara.members import notices


def test_a_notice_is_open_until_it_is_settled(make_member):
    alice, bob = make_member(), make_member()
    assert not notices.is_open(alice.pk, "sending")
    notices.notify(alice, "sending", "Your invitations wait.")
    assert notices.is_open(alice.pk, "sending")
    assert not notices.is_open(alice.pk, "another kind")
    assert not notices.is_open(bob.pk, "sending")
    notices.settle(alice, "sending")
    assert not notices.is_open(alice.pk, "sending")


def test_the_kind_is_cut_as_it_is_where_it_is_stored(make_member):
    alice = make_member()
    notices.notify(alice, "k" * 60, "Something.")
    assert notices.is_open(alice.pk, "k" * 60)
