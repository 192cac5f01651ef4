import dataclasses
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.mail import EmailMessage
from django.utils import timezone

from elonara import sealing
from elonara.bluesky.models import AppPasswordSession, AssertionKey, AuthorizationRequest, MemberIdentity
from elonara.bluesky.sealed_columns import sealed_columns, unsealed
from elonara.cli.keys import reseal
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event
from elonara.housekeeping import outgoing_email
from elonara.housekeeping.models import OutgoingEmail
from elonara.invitations.models import EmailInvitation
from elonara.members.models import Member
from elonara.members.sign_in.mfa import SealedMFAAdapter


@pytest.fixture
def identity(db, settings, tmp_path):
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    sealing.ensure_keys(tmp_path)
    member = Member.objects.create(username="alice")
    identity = MemberIdentity(member=member, bsky_did="did:plc:alice", bsky_handle="alice.test")
    for name, value in sealed_columns(identity, {"bsky_access_token_enc": "at", "dpop_key_enc": "key"}).items():
        setattr(identity, name, value)
    identity.save()
    return identity


def test_a_rotation_reseals_every_stored_value(identity):
    kid = sealing.rotate()
    assert reseal(kid) == (2, 0)
    identity.refresh_from_db()
    assert sealing.kid_of(identity.bsky_access_token_enc) == sealing.kid_of(identity.dpop_key_enc) == kid
    assert unsealed(identity, "bsky_access_token_enc").reveal() == "at"
    assert identity.bsky_refresh_token_enc == ""
    assert reseal(kid) == (0, 0)


@pytest.mark.promise("sealed")
def test_second_factors_are_resealed_too(identity):
    adapter = SealedMFAAdapter()
    row = Authenticator.objects.create(
        user=identity.member, type=Authenticator.Type.TOTP, data={"secret": adapter.encrypt("JBSWY3DP")}
    )
    kid = sealing.rotate()
    assert reseal(kid) == (3, 0)
    row.refresh_from_db()
    assert sealing.kid_of(row.data["secret"]) == kid
    assert adapter.decrypt(row.data["secret"]) == "JBSWY3DP"


def test_a_value_that_cannot_be_unsealed_is_counted_and_kept(identity):
    MemberIdentity.objects.filter(pk=identity.pk).update(dpop_key_enc=identity.bsky_access_token_enc)
    assert reseal(sealing.rotate()) == (1, 1)
    identity.refresh_from_db()
    assert identity.dpop_key_enc.startswith("v1.")


@pytest.fixture
def one_of_each(identity):
    """One row of every model with sealed columns, each written as the site writes it."""
    member, soon = identity.member, timezone.now() + timedelta(hours=1)
    event = Event.objects.create(slug="bread", title="Bread", starts_at=soon, ends_at=soon, created_by=member)
    outgoing_email.enqueue(EmailMessage("Hello", "text", "us@example.org", ["alice@example.org"]))
    rows = [
        identity,
        AppPasswordSession(did="did:plc:alice", handle="alice.test", member=member),
        AuthorizationRequest(state_hash="s", browser_hash="b", expected_did="did:plc:alice", expires_at=soon),
        AssertionKey(kid="k"),
        EmailInvitation(event=event, host=member, address_hash="a", token_hash="t", due_at=soon),
        GuestMessage(event=event, member=member, reader="m", kind="changed", due_at=soon),
    ]
    for row in rows:
        columns = [field.name for field in row._meta.fields if field.name.endswith("_enc")]
        for column in columns:
            if isinstance(row, (EmailInvitation, GuestMessage)):
                setattr(row, column, sealing.seal("secret", column=column, row=row.pk, did=""))
            else:
                setattr(row, column, sealed_columns(row, {column: "secret"})[column])
        row.save()
    return [*rows, OutgoingEmail.objects.get()]


@pytest.mark.promise("sealed")
def test_a_rotation_reseals_every_sealed_column_of_every_model(one_of_each):
    """For a new model with a column `…_enc`, add a row to `one_of_each`, sealed as the site seals it."""
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.fields
        if field.name.endswith("_enc")
    }
    assert {type(row) for row in one_of_each} == {model for model, _ in columns}
    kid = sealing.rotate()
    assert reseal(kid) == (len(columns), 0)
    for model, column in columns:
        assert sealing.kid_of(getattr(model.objects.get(), column)) == kid
    assert unsealed(MemberIdentity.objects.get(), "dpop_key_enc").reveal() == "secret"
    assert outgoing_email.unsealed(OutgoingEmail.objects.get()).to == ["alice@example.org"]
