"""What a member reads on her profile after her account has moved, rests or was taken down."""

import pytest
from tests.pages import page_text

from elonara.bluesky.models import AppPasswordSession, MemberIdentity


@pytest.fixture
def page(signed_in, alice):
    return lambda: page_text(signed_in(alice).get("/profile/edit"))


def test_an_account_that_moved_is_asked_to_reauthorize_and_for_a_new_app_password(page, alice):
    AppPasswordSession.objects.create(
        did=alice.bluesky.bsky_did, handle="alice.example.com", member=alice, pds_url="https://old.example",
        state="refused", state_reason="moved",
    )  # fmt: skip
    MemberIdentity.objects.filter(member=alice).update(state="needs_reauth", state_reason="moved")
    said = page()
    assert "Your account has moved to another server. Reauthorize to go on" in said
    assert "belongs to the server that the account has left" in said
    assert "Add one from the new server" in said
    assert "ctivate" not in said
