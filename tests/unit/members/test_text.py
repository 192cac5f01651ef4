"""What names may hold in subjects and senders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.members.text import email_name, email_subject


@pytest.mark.parametrize(
    "name", ["Ana Lima", "J.R.R. Tolkien", "Dinner 19.30", "Zoë", "می\u200cخواهم", "李小龍", "O'Neil & Co.", "AC/DC"]
)
def test_names_of_people_stay(name):
    assert email_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("evil.com", "evil com"),
        ("www.evil.co.uk/login", "evil co uk/login"),
        ("https://evil.com", "evil com"),
        ("HTTPS:\\\\evil.com", "evil com"),
        ("mailto:a@b.example", "a b example"),
        ("10.0.0.1", "10 0 0 1"),
        ("evil .com", "evil com"),
        ("evil\u00ad.com", "evil com"),
        ("evil\u2060.com", "evil com"),
        ("evil\u3164.com", "evil com"),
        ("ｅｖｉｌ．ｃｏｍ", "evil com"),
        ("evil\uff61com", "evil com"),
        ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd xn--p1ai"),
        ("例え.テスト", "例え テスト"),
        ("مثال.إختبار", "مثال إختبار"),
        ("St.Gallen", "St Gallen"),
        ("a\ufe6bb", "a b"),
        ("\u3164", "Somebody"),
        ("@", "Somebody"),
        ("", "Somebody"),
    ],
)
def test_what_could_be_opened_is_taken_apart(name, shown):
    assert email_name(name) == shown


@given(st.text(max_size=80))
def test_doing_it_twice_changes_nothing(name):
    once = email_name(name)
    assert email_name(once) == once
    assert not set(once) & set("@\uff20\r\n")


def test_a_subject_begins_with_the_sites_name_once(set_options):
    set_options(site={"name": "Bread Site"})
    assert email_subject("Hello") == "[Bread Site] Hello"
    assert email_subject("[Bread Site] Hello") == "[Bread Site] Hello"
