"""Nonces between requests and processes, and the keys of the site."""

from datetime import timedelta

from django.utils import timezone

from elonara.bluesky.models import AssertionKey, DpopNonce, MemberIdentity
from elonara.bluesky.oauth import client_keys, nonce_stores


def test_a_retired_key_is_deleted_when_no_session_uses_it(connected):
    first, second = client_keys.keyring().current.kid, client_keys.rotate()
    assert client_keys.keyring().current.kid == second
    # Nothing used the first key, so the rotation has deleted it.
    assert list(AssertionKey.objects.values_list("kid", flat=True)) == [second]
    MemberIdentity.objects.update(assertion_kid=second)
    third = client_keys.rotate()
    assert [key["kid"] for key in client_keys.keyring().jwks()["keys"]] == [third, second]
    assert client_keys.forget_unused() == 0
    MemberIdentity.objects.update(assertion_kid="")
    assert client_keys.forget_unused() == 1
    assert [key["kid"] for key in client_keys.keyring().jwks()["keys"]] == [third]
    assert first not in {second, third}


def test_a_stored_nonce_is_used_by_another_process_for_a_few_minutes(transactional_db):
    nonce_stores.DatabaseNonces().put("thumb", "https://pds.example", "n1")
    another = nonce_stores.DatabaseNonces()
    assert another.get("thumb", "https://pds.example") == "n1"
    assert another.get("thumb", "https://other.example") is None
    assert another.get("other", "https://pds.example") is None
    another.put("thumb", "https://pds.example", "n2")
    assert DpopNonce.objects.get().nonce == "n2"
    DpopNonce.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert nonce_stores.DatabaseNonces().get("thumb", "https://pds.example") is None


def test_a_new_key_begins_with_the_last_nonce_of_its_server():
    nonces = nonce_stores.MemoryNoncesByOrigin()
    assert nonces.get("one", "https://auth.example") is None
    nonces.put("one", "https://auth.example", "n1")
    assert nonces.get("two", "https://auth.example") == "n1"
    assert nonces.get("two", "https://other.example") is None
    nonces.put("two", "https://auth.example", "n2")
    assert nonces.get("one", "https://auth.example") == "n1"
