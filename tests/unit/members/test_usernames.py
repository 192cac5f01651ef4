"""Usernames from handles."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.members.models import Member
from elonara.members.usernames import candidates, free_username


def test_a_handle_gives_its_first_label():
    assert next(candidates("@Alice.bsky.social")) == "alice"


@pytest.mark.django_db
def test_a_taken_name_falls_back_to_the_whole_handle_then_to_numbers():
    Member.objects.create_user("Alice")
    assert free_username("alice.example.org") == "alice.example.org"
    Member.objects.create_user("alice.example.org")
    assert free_username("alice.example.org") == "alice-2"


@pytest.mark.django_db
def test_nobody_becomes_admin_by_handle():
    assert free_username("admin.bsky.social") == "admin.bsky.social"


@pytest.mark.django_db
def test_an_invalid_handle_gives_a_neutral_name():
    assert free_username("handle.invalid").startswith("member-")


@given(st.text(max_size=80))
def test_every_candidate_is_a_valid_username(handle):
    for candidate in islice(candidates(handle), 5):
        assert candidate
        Member.username_validator(candidate)
        assert len(candidate) <= 150
