"""Members, events in the future, pictures, and listeners."""

import io
import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from elonara import sealing
from elonara.bluesky.models import MemberIdentity
from elonara.events import actions, hooks
from elonara.members.models import Member

_numbers = itertools.count(1)


@pytest.fixture
def make_member(db):
    """`make_member(…)` creates a member; with `did` one who has proved it."""

    def make(name="", *, did="", **fields):
        member = Member.objects.create_user(name or f"person{next(_numbers)}", **fields)
        if did:
            MemberIdentity.objects.create(member=member, bsky_did=did, bsky_handle=f"{member.username}.example")
        return member

    return make


@pytest.fixture
def alice(make_member):
    return make_member("alice", display_name="Alice")


@pytest.fixture
def soon():
    """Three days from now, on the hour."""
    return (timezone.now() + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def make_event(alice, soon):
    """`make_event(…)` creates an event, by default alice's and in three days."""

    def make(host=None, **fields):
        values = {"title": "Picnic", "starts_at": soon, "timezone": "Europe/Berlin"} | fields
        return actions.create(host or alice, **values)

    return make


@pytest.fixture
def picnic(make_event):
    return make_event()


@pytest.fixture
def supper(make_event):
    return make_event(title="Secret supper", visibility="private", location="Behind the oak")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    import dataclasses

    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    sealing.ensure_keys(tmp_path)
    return settings.MEDIA_ROOT


@pytest.fixture
def photo():
    """`photo(size)` returns a JPEG full of noise, which does not compress well."""

    def draw(size=(1600, 1200)):
        from PIL import Image

        out = io.BytesIO()
        Image.effect_noise(size, 90).convert("RGB").save(out, "JPEG", quality=90)
        return out.getvalue()

    return draw


@pytest.fixture
def heard():
    """What listeners of events were called with."""
    calls = []

    def on_change(event, fields):
        calls.append((event.slug, set(fields)))

    hooks.on_change(on_change)
    hooks.on_rsvp(calls.append)
    yield calls
    hooks._on_change.remove(on_change)
    hooks._on_rsvp.remove(calls.append)
