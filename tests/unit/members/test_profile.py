"""The profile and the notices."""

import uuid

import pytest

from elonara.members import actions, queries
from elonara.members.models import Member
from elonara.members.time_zones import zone, zone_names


def test_given_fields_change_and_the_others_stay(make_member):
    member = make_member(display_name="Alice", bio="Bakes.")
    actions.update_profile(member, timezone="Europe/Berlin", display_name="  Alice \n B. ")
    again = Member.objects.get(pk=member.pk)
    assert (again.display_name, again.bio, again.timezone) == ("Alice B.", "Bakes.", "Europe/Berlin")


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin", "../etc/passwd", "posixrules", "EST5EDT", "Mars/Base"])
def test_an_unknown_time_zone_is_refused_with_a_sentence(make_member, name):
    with pytest.raises(actions.Invalid) as refused:
        actions.update_profile(make_member(), timezone=name)
    assert "Europe/Berlin" in refused.value.errors["timezone"]


def test_a_text_that_is_too_long_is_refused_with_the_limit(make_member):
    with pytest.raises(actions.Invalid) as refused:
        actions.update_profile(make_member(), display_name="a" * 65, bio="b" * 501, theme="pink")
    assert refused.value.errors == {
        "display_name": "The name has 65 characters; 64 fit.",
        "bio": "The text about you has 501 characters; 500 fit.",
        "theme": "Choose light, dark, or the system's.",
    }


def test_standing_is_not_part_of_the_profile(make_member):
    with pytest.raises(TypeError):
        actions.update_profile(make_member(standing="pending"), standing="active")


def test_time_zones_are_area_city_names_and_utc():
    assert {"Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"} <= set(zone_names())
    assert zone("").key == zone("Gone/Away").key == "UTC"


def test_there_is_one_open_notice_per_kind_with_the_newest_text(make_member):
    member = make_member()
    first = actions.notify(member, "reauthorize", "Once.")
    second = actions.notify(member, "reauthorize", "Twice.", "/profile/edit")
    assert first.pk == second.pk
    assert [(notice.text, notice.link) for notice in queries.open_notices(member)] == [("Twice.", "/profile/edit")]


def test_a_dismissed_notice_is_gone_and_may_be_created_again(make_member):
    member, other = make_member(), make_member()
    notice = actions.notify(member, "reauthorize", "Once.")
    assert not actions.dismiss(other, notice.pk)
    assert actions.dismiss(member, str(notice.pk))
    assert not actions.dismiss(member, notice.pk)
    assert not actions.dismiss(member, "nonsense")
    assert not actions.dismiss(member, uuid.uuid4())
    assert actions.notify(member, "reauthorize", "Again.").pk != notice.pk
