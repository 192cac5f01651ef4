"""Guessing passwords, and making the site write to strangers."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import get_hasher
from django.core import mail
from django.core.cache import cache
from django.test import Client

from elonara.members.models import Member
from elonara.members.sign_in import adapter

PASSWORD = "correct horse battery staple"
ELSEWHERE, ANOTHER, HOME = "203.0.113.7", "203.0.113.8", "198.51.100.1"


@pytest.fixture
def olga(transactional_db, settings):
    cache.clear()
    settings.SECURE_SSL_REDIRECT = False
    member = Member.objects.create_user("olga", email="olga@mail.example", password=PASSWORD)
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    return member


def page(client, login, password, address):
    return client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=address)


def api(client, login, password, address):
    body = {"username": login, "password": password}
    return client.post("/api/v1/tokens", body, content_type="application/json", REMOTE_ADDR=address)


@pytest.fixture(params=[page, api], ids=["page", "api"])
def sign_in(request):
    return request.param


def worked(response):
    return response.status_code in {201, 302}


@pytest.mark.parametrize("login", ["olga", "olga@mail.example", "OLGA"])
def test_wrong_passwords_from_elsewhere_do_not_lock_the_owner_out(olga, sign_in, login):
    for number in range(12):
        assert not worked(sign_in(Client(), login, f"wrong {number}", ELSEWHERE))
    assert worked(sign_in(Client(), "olga", PASSWORD, HOME))


def test_they_lock_their_own_network_out(olga, sign_in):
    for number in range(6):
        sign_in(Client(), "olga", f"wrong {number}", ELSEWHERE)
    assert not worked(sign_in(Client(), "olga", PASSWORD, ELSEWHERE))


def test_an_attack_from_many_networks_leaves_the_owner_hers(olga, sign_in, monkeypatch):
    owner = Client()
    assert worked(page(owner, "olga", PASSWORD, HOME))
    owner.get("/", REMOTE_ADDR=HOME)
    monkeypatch.setattr(adapter, "FROM_ANYWHERE", 8)
    for number in range(9):
        sign_in(Client(), "olga", f"wrong {number}", f"203.0.113.{number}")
    assert not worked(sign_in(Client(), "olga", PASSWORD, ANOTHER)), "guessed too often, from a new network"
    assert worked(sign_in(Client(), "olga", PASSWORD, HOME))


@pytest.mark.parametrize("login", ["olga", "olga@mail.example", "nobody", "nobody@mail.example"])
def test_a_wrong_password_is_hashed_once(olga, sign_in, login, monkeypatch):
    hasher, encoded = type(get_hasher()), []
    encode = hasher.encode
    monkeypatch.setattr(hasher, "encode", lambda self, *args, **more: encoded.append(1) or encode(self, *args, **more))
    assert not worked(sign_in(Client(), login, "wrong", ELSEWHERE))
    assert len(encoded) == 1


def test_a_password_reset_writes_to_no_stranger(olga):
    known = Client().post("/accounts/password/reset/", {"email": "olga@mail.example"})
    assert [message.to for message in mail.outbox] == [["olga@mail.example"]]
    stranger = Client().post("/accounts/password/reset/", {"email": "stranger@mail.example"})
    assert len(mail.outbox) == 1
    assert (stranger.status_code, stranger["location"]) == (known.status_code, known["location"])


def test_adding_addresses_writes_to_few_strangers(olga):
    client = Client()
    page(client, "olga", PASSWORD, HOME)
    mail.outbox.clear()
    for number in range(6):
        client.post("/accounts/email/", {"action_add": "", "email": f"stranger{number}@mail.example"}, REMOTE_ADDR=HOME)
    assert len(mail.outbox) <= 2
