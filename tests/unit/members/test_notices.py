"""Notices on a member's pages: whether one of a kind is open."""

from elonara.members import notices


def test_a_notice_is_open_until_it_is_settled(make_member):
    alice, bob = make_member(), make_member()
    assert not notices.open_of(alice.pk, "sending").exists()
    notices.notify(alice, "sending", "Your invitations are waiting.")
    assert notices.open_of(alice.pk, "sending").exists()
    assert not notices.open_of(alice.pk, "another kind").exists()
    assert not notices.open_of(bob.pk, "sending").exists()
    notices.settle(alice, "sending")
    assert not notices.open_of(alice.pk, "sending").exists()


def test_the_kind_is_cut_as_it_is_where_it_is_stored(make_member):
    alice = make_member()
    notices.notify(alice, "k" * 60, "Something.")
    assert notices.open_of(alice.pk, "k" * 60).exists()
