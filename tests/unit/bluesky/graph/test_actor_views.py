"""How long Bluesky's answers about people hold."""

from tests.fakes.graph import somebody

from elonara.bluesky.graph import actor_views

BOB = "did:plc:bob"


def test_an_answer_holds_ten_minutes(member, clock):
    actor_views.keep(member.pk, [somebody("bob")])
    assert actor_views.fresh(member.pk, [BOB], 600)
    clock.pass_(minutes=11)
    assert not actor_views.fresh(member.pk, [BOB], 600)


def test_an_answer_from_before_the_clock_was_set_back_holds_no_longer(member, clock):
    """Who has blocked the host in between must not be mentioned."""
    actor_views.keep(member.pk, [somebody("bob")])
    clock.pass_(hours=-1)
    assert not actor_views.fresh(member.pk, [BOB], 600)
