"""Members and site options for these tests."""

import dataclasses
import itertools

import pytest

from elonara.members.models import Member

_numbers = itertools.count(1)


@pytest.fixture
def make_member(db):
    """Makes a member; every call makes another one."""

    def make(username="", **fields):
        return Member.objects.create_user(username or f"member{next(_numbers)}", password="a long password", **fields)

    return make


@pytest.fixture
def operator(make_member):
    return make_member("olga", is_superuser=True, is_staff=True)


@pytest.fixture
def registration(settings):
    """Sets the registration mode."""

    def choose(mode):
        options = settings.ELONARA
        settings.ELONARA = dataclasses.replace(options, site=dataclasses.replace(options.site, registration=mode))

    return choose
