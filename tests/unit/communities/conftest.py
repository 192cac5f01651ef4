"""Members with and without a Bluesky account, communities, and pictures."""

import io
import itertools

import pytest

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions, hooks
from elonara.members.models import Member

_numbers = itertools.count(1)


@pytest.fixture
def make_member(db):
    """Makes a member, with a linked Bluesky account where `did` is given."""

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
def bakers(alice):
    return actions.create(alice, name="Bakers")


@pytest.fixture
def secret(alice):
    return actions.create(alice, name="Secret supper", visibility="private")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def picture():
    """Makes the bytes of a picture file."""

    def draw(kind="JPEG", size=(64, 48), mode="RGB", **options):
        from PIL import Image

        out = io.BytesIO()
        Image.effect_noise(size, 60).convert(mode).save(out, kind, **options)
        return out.getvalue()

    return draw


@pytest.fixture
def heard():
    """The calls of a listener for changes and one for joins."""
    log = []
    listeners = (lambda community, fields: log.append(set(fields)), log.append)
    hooks.on_change(listeners[0])
    hooks.on_join(listeners[1])
    yield log
    hooks._on_change.remove(listeners[0])
    hooks._on_join.remove(listeners[1])
