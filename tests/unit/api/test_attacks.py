"""Attacks on the API: other members' invitations, posting in another's name, forged tokens."""

import time

import pytest
from django.conf import settings
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import OctKey

from elonara.api import tokens
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations import actions as invitations
from elonara.invitations.models import Invitation

PICNIC = {"title": "Picnic", "starts_at": "2027-05-01T16:00:00+02:00", "timezone": "Europe/Berlin"}


@pytest.mark.promise("private-community")
def test_a_public_event_does_not_name_its_private_community(alice, program, program_of, mallory):
    hidden = communities.create(alice, name="Quiet Recovery Group", visibility="private")
    made = program.post("/events", PICNIC | {"community": hidden.slug}).json()
    assert made["community"] == hidden.slug
    assert program_of(mallory).get(f"/events/{made['slug']}").json()["community"] is None


@pytest.mark.promise("others-rows")
@pytest.mark.parametrize("what", ["retry", "cancel", "undo", "confirm"])
def test_an_invitation_of_somebody_else_does_not_exist(alice, program, program_of, mallory, problem, what):
    program.post("/events", PICNIC)
    invitations.invite(alice, Event.objects.get(), ["did:plc:bob"])
    row = Invitation.objects.get()
    problem(program_of(mallory).post(f"/invitations/{row.pk}/{what}"), 404, "not_found")
    row.refresh_from_db()
    assert row.state == "queued"


@pytest.mark.promise("own-voice")
@pytest.mark.parametrize("what", ["retry", "confirm"])
def test_a_cohost_cannot_post_as_the_host(alice, program, program_of, mallory, problem, what):
    """She may change the event, so what she sends from somebody else's account would be her own words."""
    program.post("/events", PICNIC)
    event = Event.objects.get()
    events.add_cohost(event, by=alice, member=mallory)
    events.accept_cohost(event, by=mallory)
    invitations.invite(alice, event, ["did:plc:bob"])
    row = Invitation.objects.get()
    if what == "retry":
        invitations.cancel(row, alice)
    else:
        Invitation.objects.update(needs_confirmation=True, reason="changed")
    program_of(mallory).patch(f"/events/{event.slug}", {"title": "Buy my coins"})

    hers = program_of(mallory)
    shown = hers.get(f"/events/{event.slug}/invitations").json()["invitations"][0]
    assert what not in shown["can"]
    problem(hers.post(f"/invitations/{row.pk}/{what}"), 403, "not_allowed")
    row.refresh_from_db()
    assert row.state == "cancelled" or row.needs_confirmation


def test_a_cohost_can_cancel_the_hosts_invitations(alice, program, program_of, mallory):
    program.post("/events", PICNIC)
    event = Event.objects.get()
    events.add_cohost(event, by=alice, member=mallory)
    events.accept_cohost(event, by=mallory)
    invitations.invite(alice, event, ["did:plc:bob"])
    response = program_of(mallory).post(f"/invitations/{Invitation.objects.get().pk}/cancel")
    assert response.json()["state"] == "cancelled"


class TestTokens:
    def claims(self, member, **changed):
        now = int(time.time())
        return {
            "iss": settings.ELONARA.site.url, "aud": tokens.AUDIENCE, "sub": str(member.pk), "iat": now,
            "exp": now + 600, "epoch": member.token_epoch, "auth": tokens._fingerprint(member),
        } | changed  # fmt: skip

    @pytest.mark.parametrize(
        ("head", "changed"),
        [
            ({"typ": "JWT"}, {}),
            ({}, {}),
            ({"typ": "at+jwt"}, {"exp": 1}),
            ({"typ": "at+jwt"}, {"exp": None}),
            ({"typ": "at+jwt"}, {"aud": "another"}),
            ({"typ": "at+jwt"}, {"iss": "https://evil.example"}),
            ({"typ": "at+jwt"}, {"epoch": 7}),
            ({"typ": "at+jwt"}, {"sub": "0"}),
            ({"typ": "at+jwt"}, {"sub": "1 or 1=1"}),
            ({"typ": "at+jwt"}, {"iat": 4_000_000_000, "nbf": 4_000_000_000}),
        ],
    )
    def test_a_token_of_another_type_is_refused_though_signed_with_our_key(self, alice, head, changed):
        key = tokens._key(settings.SECRET_KEY)
        claims = {name: value for name, value in self.claims(alice, **changed).items() if value is not None}
        with pytest.raises(tokens.BadToken):
            tokens.member_of(jwt.encode({"alg": "HS256", **head}, claims, key))

    def test_other_keys_and_algorithms_are_refused(self, alice):
        wrong = jwt.encode({"alg": "HS256", "typ": "at+jwt"}, self.claims(alice), OctKey.import_key(b"k" * 32))
        good = tokens.issue(alice).access_token
        none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + good.split(".")[1] + "."
        for token in (wrong, none, good[:-2], f"{good}.x", "", "é"):
            with pytest.raises(tokens.BadToken):
                tokens.member_of(token)
        assert tokens.member_of(good) == alice

    def test_a_secret_key_that_leaks_by_another_use_is_not_the_tokens_key(self, alice):
        token = jwt.encode(
            {"alg": "HS256", "typ": "at+jwt"}, self.claims(alice), OctKey.import_key(settings.SECRET_KEY.encode())
        )
        with pytest.raises(tokens.BadToken):
            tokens.member_of(token)


def test_fields_that_are_not_the_callers_to_set_are_ignored(alice, program, mallory):
    made = program.post(
        "/events", PICNIC | {"slug": "mine", "created_by": mallory.pk, "status": "cancelled", "sequence": 99, "id": 7}
    ).json()
    event = Event.objects.get()
    assert (event.created_by, event.status, event.sequence) == (alice, "scheduled", 0)
    program.patch(f"/events/{made['slug']}", {"created_by": mallory.pk, "slug": "x", "created_at": "2001-01-01"})
    event.refresh_from_db()
    assert (event.created_by, event.slug, event.created_at.year) == (alice, made["slug"], timezone.now().year)
