"""Usernames from handles."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.members.errors import Invalid
from elonara.members.first_run import create_operator
from elonara.members.models import Member
from elonara.members.usernames import candidates, free_username, refusal


def test_a_handle_gives_its_first_label():
    assert next(candidates("@Alice.bsky.social")) == "alice"


@pytest.mark.django_db
def test_a_taken_name_falls_back_to_the_whole_handle_then_to_numbers():
    Member.objects.create_user("Alice")
    assert free_username("alice.example.org") == "alice-example-org"
    Member.objects.create_user("alice-example-org")
    assert free_username("alice.example.org") == "alice-2"


@pytest.mark.django_db
def test_nobody_becomes_admin_by_handle():
    assert free_username("admin.bsky.social") == "admin-bsky-social"


@pytest.mark.django_db
def test_an_invalid_handle_gives_a_neutral_name():
    assert free_username("handle.invalid").startswith("member-")


@given(st.text(max_size=80))
def test_every_candidate_is_a_valid_username(handle):
    for candidate in islice(candidates(handle), 5):
        assert candidate
        Member.username_validator(candidate)
        assert len(candidate) <= 150


REFUSED = [
    "dan.test", "dan.bsky.social", "dan\uff0etest", "пример.рф", "alice@example.org", "@alice", "alice\uff20x",
    "\u0430lice",  # Cyrillic а
    "al\u0456ce",  # Cyrillic і
    "p\u03b1ypal",  # Greek α
    "\u0430\u0441\u0435",  # all Cyrillic, reads like Latin "ace"
    "\u0391\u039d\u039d\u0391",  # all Greek, reads like ANNA
    "\u13aa\u13de\u13c6\u13df\u13ac",  # Cherokee, reads like Latin
    "\uff41lice", "\U0001d41alice",  # full width, mathematical
    "\u0251lice", "a\u029fice",  # phonetic letters
    "ali\u3164ce", "\u115f",  # drawn as nothing
    "alice\u02bc", "\u0661\u0662",
    "adm\u0131n", "adm1n", "0perator", "Admin", "\u00e1dmin",
]  # fmt: skip
TAKEN_BY_PEOPLE = [
    "alice",
    "Zoë",
    "dan-test",
    "jo_2",
    "j.2",
    "иванов",
    "Ελένη",
    "ışık",
    "李小龍",
    "さくらサクラ",
    "김철수",
    "علي",
    "דוד",
]


@pytest.mark.django_db
@pytest.mark.parametrize("username", REFUSED)
def test_a_username_looks_like_no_handle_address_or_other_script(username):
    assert refusal(username)


@pytest.mark.django_db
@pytest.mark.parametrize("username", TAKEN_BY_PEOPLE)
def test_names_of_one_alphabet_are_usernames(username):
    assert refusal(username) == ""


@pytest.mark.django_db
def test_a_username_does_not_look_like_a_members():
    Member.objects.create_user("alice")
    assert refusal("al\u0131ce")
    assert refusal("a1ice")
    assert refusal("alice-2") == ""


@pytest.fixture
def open_site(registration, db):
    registration("open")


@pytest.mark.parametrize("username", ["dan.test", "dan@site.example", "\u0430lice"])
def test_registration_refuses_it(open_site, client, username):
    password = "correct horse battery staple"
    page = client.post(
        "/accounts/signup/", {"username": username, "password1": password}, headers={"host": "127.0.0.1"}
    )
    assert page.status_code == 200
    assert not Member.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["dan.test", "\u0430lice"])
def test_the_command_line_and_the_first_run_refuse_it(username):
    with pytest.raises(Invalid) as caught:
        create_operator(username, "correct horse battery staple")
    assert "username" in caught.value.errors


@pytest.mark.parametrize("username", ["dan.test", "dan@site.example"])
def test_who_has_such_a_name_still_signs_in(make_member, client, username):
    make_member(username)
    client.post("/accounts/login/", {"login": username, "password": "a long password"}, headers={"host": "127.0.0.1"})
    assert "_auth_user_id" in client.session


def test_the_operator_can_edit_who_has_such_a_name_but_gives_it_to_nobody(make_member, operator, client):
    old, eve = make_member("dan.test"), make_member("eve")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    for member, username, kept in ((old, "dan.test", "dan.test"), (eve, "eve.test", "eve")):
        values = {"username": username, "display_name": "New", "email": "", "bio": "", "timezone": ""}
        client.post(f"/admin/elonara/member/{member.pk}/change/", values, headers={"host": "127.0.0.1"})
        member.refresh_from_db()
        assert member.username == kept
        assert member.display_name == ("New" if member == old else "")
