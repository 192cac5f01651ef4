import dataclasses

import pytest
from allauth.mfa.models import Authenticator

from elonara import sealing
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.secrets import sealed_columns, unsealed
from elonara.cli.keys import reseal
from elonara.members.mfa import SealedMFAAdapter
from elonara.members.models import Member


@pytest.fixture
def identity(db, settings, tmp_path):
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    member = Member.objects.create(username="alice")
    identity = MemberIdentity(member=member, bsky_did="did:plc:alice", bsky_handle="alice.test")
    for name, value in sealed_columns(identity, {"bsky_access_token_enc": "at", "dpop_key_enc": "key"}).items():
        setattr(identity, name, value)
    identity.save()
    return identity


def test_a_rotation_seals_every_kept_value_again(identity):
    kid = sealing.rotate()
    assert reseal(kid) == (2, 0)
    identity.refresh_from_db()
    assert sealing.kid_of(identity.bsky_access_token_enc) == sealing.kid_of(identity.dpop_key_enc) == kid
    assert unsealed(identity, "bsky_access_token_enc").reveal() == "at"
    assert identity.bsky_refresh_token_enc == ""
    assert reseal(kid) == (0, 0)


def test_second_factors_are_sealed_again_too(identity):
    adapter = SealedMFAAdapter()
    row = Authenticator.objects.create(
        user=identity.member, type=Authenticator.Type.TOTP, data={"secret": adapter.encrypt("JBSWY3DP")}
    )
    kid = sealing.rotate()
    assert reseal(kid) == (3, 0)
    row.refresh_from_db()
    assert sealing.kid_of(row.data["secret"]) == kid
    assert adapter.decrypt(row.data["secret"]) == "JBSWY3DP"


def test_a_value_that_cannot_be_opened_is_counted_and_left_alone(identity):
    MemberIdentity.objects.filter(pk=identity.pk).update(dpop_key_enc=identity.bsky_access_token_enc)
    assert reseal(sealing.rotate()) == (1, 1)
    identity.refresh_from_db()
    assert identity.dpop_key_enc.startswith("v1.")
