"""bench/attacker.py leaves out no address of the site and no call of the API."""

import pytest
from bench.attack.routes import ROUTES
from django.test import Client
from django.urls import resolve
from tests.unit.communities import bad_pictures
from tests.urlconf import patterns

# What an operator alone sees: for everybody else each is a redirect to the sign-in, as /admin/ itself is.
OF_OPERATORS = "admin/"


def path_of(route):
    return route.path.partition("?")[0]


def test_every_address_is_attacked():
    attacked = {resolve(path_of(route)).route.replace("^", "") for route in ROUTES}
    addresses = [path.replace("^", "") for path, _ in patterns()]
    missing = [path for path in addresses if path not in attacked and not path.startswith(OF_OPERATORS)]
    assert not missing
    assert {"admin/", "admin/login/", "admin/jobs/"} <= attacked


@pytest.mark.django_db
def test_every_call_of_the_api_is_attacked():
    described = Client().get("/api/v1/openapi.json").json()["paths"]
    attacked = {(resolve(path_of(route)).route, route.method) for route in ROUTES}
    parts = {"slug": "x", "guest": 1, "join_request": 1, "invitation_id": "00000000-0000-4000-8000-000000000000"}
    calls = {
        (
            resolve(path.format(**parts)).route,
            method.upper(),
        )
        for path, methods in described.items()
        for method in methods
    }
    assert not calls - attacked


def test_pictures_and_bodies_can_be_made():
    for route in ROUTES:
        assert not route.picture or callable(getattr(bad_pictures, route.picture))
        body, kind = route.content(7, b"jpeg")
        assert b"{n}" not in body, route
        assert kind


def test_names_differ():
    names = [(route.name, str(route.body)) for route in ROUTES]
    assert len(set(names)) == len(names)
