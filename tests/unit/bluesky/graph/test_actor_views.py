"""How long cached profiles are used."""

from tests.fakes.graph import somebody

from elonara.bluesky.graph import actor_views

BOB = "did:plc:bob"


def test_a_view_is_used_for_ten_minutes(member, clock):
    actor_views.keep(member.pk, [somebody("bob")])
    assert actor_views.fresh(member.pk, [BOB], 600)
    clock.pass_(minutes=11)
    assert not actor_views.fresh(member.pk, [BOB], 600)


def test_a_view_from_before_the_clock_was_set_back_is_not_used(member, clock):
    """Somebody may have blocked the host since, and must not be mentioned then."""
    actor_views.keep(member.pk, [somebody("bob")])
    clock.pass_(hours=-1)
    assert not actor_views.fresh(member.pk, [BOB], 600)
