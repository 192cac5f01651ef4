"""A member whose server knows no app passwords lets this site post with her permission, on her Bluesky settings."""

import pytest
from django.test import Client
from tests.pages import page_text

from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.options import Writes

PDS = "https://cocoon.example"


@pytest.fixture
def client(signed_in, alice):
    MemberIdentity.objects.filter(member=alice).update(
        full_access_pds=PDS, pds_url=PDS, bsky_scope="atproto transition:generic"
    )
    return signed_in(alice)


def since(alice):
    return MemberIdentity.objects.get(member=alice).posts_by_oauth_since


def test_the_page_says_what_it_means_and_the_form_stores_and_ends_it(client, alice):
    said = page_text(client.get("/profile/edit"))
    assert "cocoon.example, gives full access to your account with any password" in said
    assert "It can then write and delete posts and add pictures to them, from @alice.example" in said
    assert "cocoon.example did not support app passwords when one was tried here" in said
    assert "With an app password this site posts" not in said
    did = alice.bluesky.bsky_did
    assert client.post("/connect/posting", {"did": "did:plc:another"}).status_code == 302
    assert since(alice) is None
    assert "a different Bluesky account than the page showed" in page_text(client.get("/profile/edit"))
    client.post("/connect/posting", {"did": did})
    assert since(alice) is not None
    said = page_text(client.get("/profile/edit"))
    assert (
        "this site posts for you without an app password, because your server, cocoon.example, does not support them"
        in said
    )
    assert "You allowed this way" in said
    client.post("/disconnect/posting")
    assert since(alice) is None
    assert "This site no longer posts for you" in page_text(client.get("/profile/edit"))


def test_without_the_permission_she_is_sent_to_reauthorize(client, alice):
    MemberIdentity.objects.filter(member=alice).update(bsky_scope="atproto")
    client.post("/connect/posting", {"did": alice.bluesky.bsky_did})
    said = page_text(client.get("/profile/edit"))
    assert "One step is left: reauthorize" in said
    assert since(alice) is not None


def test_only_a_form_of_this_site_stores_it_and_only_for_its_member(client, alice):
    did = alice.bluesky.bsky_did
    assert client.get("/connect/posting").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post("/connect/posting", {"did": did}).status_code == 403
    assert Client().post("/connect/posting", {"did": did}).status_code in {302, 403}
    assert since(alice) is None


def test_it_is_not_offered_where_app_passwords_work_or_the_mode_is_oauth(client, alice, set_options):
    MemberIdentity.objects.filter(member=alice).update(full_access_pds="")
    assert "Post without an app password" not in page_text(client.get("/profile/edit"))
    MemberIdentity.objects.filter(member=alice).update(full_access_pds=PDS)
    set_options(bluesky={"writes": Writes(mode="oauth")})
    assert "Post without an app password" not in page_text(client.get("/profile/edit"))


@pytest.mark.parametrize("mode", ["legacy", "oauth"])
def test_what_a_stored_app_password_is_used_for_is_said_as_it_is(client, alice, set_options, mode):
    MemberIdentity.objects.filter(member=alice).update(full_access_pds="")
    AppPasswordSession.objects.create(did=alice.bluesky.bsky_did, handle="alice.example", member=alice)
    set_options(bluesky={"writes": Writes(mode=mode)})
    said = page_text(client.get("/profile/edit"))
    assert "Your app password" in said
    posts = "With an app password this site posts for you from your own account, @alice.example."
    assert (posts in said) == (mode == "legacy")
    assert ("does not use the app password" in said) == (mode == "oauth")
