"""The migration that gives accounts to the members of a site of an older release."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from tests.older_schema import drop_everything, migrate_to, schema

from elonara.bluesky.connections import linking
from elonara.invitations.account_models import SendingAccount, SendingAccountKey
from elonara.invitations.consent import caps, opt_outs
from elonara.invitations.consent.accounts import find, key_of
from elonara.invitations.models import HostSending
from elonara.invitations.opt_out_models import EmailOptOut, OptOut
from elonara.members.models import Member

BEFORE = "0006_shared_cache"


@pytest.fixture
def older_site(site):
    """A function that makes the tables of the older release, runs a step there, and migrates."""

    def go(step):
        of_a_new_site = schema()
        drop_everything()
        apps = migrate_to(BEFORE)
        try:
            step(apps.get_model)
        finally:
            call_command("migrate", verbosity=0)  # as a site does that has a part of them
            grown = schema()
            assert sorted(grown - of_a_new_site) == sorted(of_a_new_site - grown) == []

    return go


def test_opt_outs_pauses_and_unlinked_dids_are_taken_over(older_site):
    now = timezone.now()

    def step(model):
        def member(name, **fields):
            return model("elonara", "Member").objects.create(username=name, **fields)

        def post(host, author, voice="host"):
            event = model("elonara", "Event").objects.create(
                title="Picnic", slug=f"{host.username}-{voice}", created_by=host, timezone="UTC",
                starts_at=now, ends_at=now,
            )  # fmt: skip
            batch = model("elonara", "Batch").objects.create(host=host, event=event)
            model("elonara", "Invitation").objects.create(
                batch=batch, event=event, host=host, author_did=author, voice=voice, rkey=f"3k{host.pk}{voice}",
                record={}, next_attempt_at=now, queued_at=now, invitee_did="did:plc:bob", invitee_handle="bob.example",
                ref=f"{host.username}{voice}",
            )  # fmt: skip

        gone = member("gone", date_joined=now - timedelta(days=30), timezone="Asia/Tokyo")
        again = member("again", date_joined=now, timezone="Europe/Berlin")
        other = member("other", date_joined=now)
        member("nobody")
        post(gone, "did:plc:alice")  # unlinked since
        post(other, "did:plc:relay", voice="relay")
        post(again, "did:plc:relay", voice="relay")
        identity = model("elonara", "MemberIdentity").objects
        identity.create(member=again, bsky_did="did:plc:alice", bsky_handle="alice.example")
        model("elonara", "HostSending").objects.create(host=gone, paused_at=now, pause_reason="opt_outs")
        model("elonara", "OptOut").objects.create(did="did:plc:bob", host=gone)
        model("elonara", "OptOut").objects.create(did="did:plc:carol", host=None)
        model("elonara", "EmailOptOut").objects.create(address_hash="e" * 64, host=gone)

    older_site(step)
    gone, again, other = (Member.objects.get(username=name) for name in ("gone", "again", "other"))
    assert find(gone) == find(again) != find(other)
    assert find(gone).zone == "Asia/Tokyo"
    assert SendingAccountKey.objects.get().key == key_of("did:plc:alice")
    assert SendingAccount.objects.count() == 1
    assert opt_outs.opted_out(again, ["did:plc:bob", "did:plc:carol"]) == {
        "did:plc:bob": "opted_out_host",
        "did:plc:carol": "opted_out_site",
    }
    assert set(opt_outs.opted_out(other, ["did:plc:bob", "did:plc:carol"])) == {"did:plc:carol"}
    assert EmailOptOut.objects.get().account == OptOut.objects.get(did="did:plc:bob").account == find(gone)
    assert HostSending.objects.get(host=again).pause_reason == "opt_outs"
    assert not caps.remaining(again).first_week
    third = Member.objects.create_user("third")
    again.set_password("a long password")
    again.save()
    linking.remove_sign_in(again)
    linking.link_sign_in(third, "did:plc:alice", "alice.example")
    assert find(third) == find(gone)
