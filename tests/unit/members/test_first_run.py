"""The link with which the first operator's account is created."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.members import actions, queries
from elonara.members.models import Member, OneTimeLink

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def token_of(link):
    return link.rsplit("/", 1)[1]


def test_the_link_works_once_and_creates_an_operator():
    token = token_of(actions.first_run_link())
    assert queries.link_is_good(token)
    operator = actions.claim_first_operator(token, " olga ", GOOD, display_name="Olga")
    assert (operator.username, operator.is_superuser, operator.is_staff) == ("olga", True, True)
    assert Member.objects.get().check_password(GOOD)
    with pytest.raises(actions.LinkRefused):
        actions.claim_first_operator(token, "eve", GOOD)
    assert actions.first_run_link() is None
    assert Member.objects.count() == 1


def test_only_the_hash_is_stored():
    token = token_of(actions.first_run_link())
    assert token not in str(OneTimeLink.objects.values().get())


def test_a_second_start_voids_the_first_link():
    old, new = token_of(actions.first_run_link()), token_of(actions.first_run_link())
    assert not queries.link_is_good(old)
    assert queries.link_is_good(new)


def test_after_a_day_the_link_has_expired():
    token = token_of(actions.first_run_link())
    OneTimeLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not queries.link_is_good(token)
    with pytest.raises(actions.LinkRefused, match="older than a day"):
        actions.claim_first_operator(token, "eve", GOOD)


def test_a_link_is_refused_once_there_is_an_operator():
    token = token_of(actions.first_run_link())
    actions.create_operator("olga", GOOD)
    with pytest.raises(actions.LinkRefused, match="operator already"):
        actions.claim_first_operator(token, "eve", GOOD)
    assert not Member.objects.filter(username="eve").exists()


def test_an_invalid_form_does_not_use_up_the_link():
    token = token_of(actions.first_run_link())
    with pytest.raises(actions.Invalid) as refused:
        actions.claim_first_operator(token, "no spaces", "", email="nonsense")
    assert set(refused.value.errors) == {"username", "password", "email"}
    assert queries.link_is_good(token)


def test_an_unknown_token_is_refused():
    actions.first_run_link()
    with pytest.raises(actions.LinkRefused):
        actions.claim_first_operator("made-up", "eve", GOOD)
