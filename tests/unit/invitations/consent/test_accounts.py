"""Opt-outs, caps, pauses and the first week follow the host's Bluesky account, whoever signs in with it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.unit.invitations.conftest import ALICE

from elonara.bluesky.connections import linking
from elonara.bluesky.models import MemberIdentity
from elonara.invitations import actions, queries
from elonara.invitations.account_models import PastInvitation, SendingAccount, SendingAccountKey
from elonara.invitations.consent import accounts, breakers, caps, opt_outs, pauses
from elonara.invitations.models import Batch, HostSending, Invitation, State
from elonara.invitations.opt_out_models import OptOut, Report
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member


@pytest.fixture
def return_as(make_member):
    """Alice leaves in one of several ways, and comes back as a new member with the same Bluesky account."""

    def go(alice, way="unlinked", name="alicia", did=ALICE):
        if way == "deleted":
            for batch in Batch.objects.filter(host=alice):
                event = batch.event
                batch.delete()
                event.delete()
            Invitation.objects.filter(host=alice).delete()
            alice.delete()
        else:
            alice.set_password("a long password")
            alice.save()
            linking.remove_sign_in(alice)
        return make_member(name, did)

    return go


WAYS = pytest.mark.parametrize("way", ["unlinked", "deleted"])


@WAYS
@pytest.mark.promise("follows-the-account")
def test_an_opt_out_holds_for_the_new_member(picnic, alice, return_as, make_event, way):
    actions.opt_out("did:plc:bob", alice)
    picnic.delete()
    again = return_as(alice, way)
    assert actions.invite(again, make_event(again), ["did:plc:bob", "did:plc:carol"]).queued == 1
    assert opt_outs.opted_out(again, ["did:plc:bob"]) == {"did:plc:bob": "opted_out_host"}
    assert opt_outs.opted_out_code(again, "did:plc:bob", {}) == "opted_out_host"


def test_an_opt_out_after_unlinking_holds_too(picnic, alice, return_as, make_event, send):
    send(picnic, "bob")
    alice.set_password("a long password")
    alice.save()
    linking.remove_sign_in(alice)
    actions.opt_out("did:plc:bob", alice)
    again = return_as(alice)
    assert not actions.invite(again, make_event(again), ["did:plc:bob"]).queued


def test_an_opt_out_of_the_new_member_holds_for_the_old_one(picnic, alice, return_as, make_event, send):
    again = return_as(alice)
    actions.opt_out("did:plc:bob", again)
    assert opt_outs.opted_out(alice, ["did:plc:bob"]) == {"did:plc:bob": "opted_out_host"}


def test_it_holds_through_a_chain_of_accounts(alice, return_as):
    actions.opt_out("did:plc:bob", alice)
    linked = return_as(alice, name="second")
    linked.set_password("a long password")
    linked.save()
    linking.remove_sign_in(linked)
    linking.link_sign_in(linked, "did:plc:other", "other.example")
    linking.remove_sign_in(linked)
    third = Member.objects.create_user("third")
    linking.link_sign_in(third, "did:plc:other", "other.example")
    assert opt_outs.opted_out(third, ["did:plc:bob"])
    assert SendingAccount.objects.count() == 1


def test_an_opt_out_of_one_host_never_becomes_one_of_the_site(alice, make_member, return_as):
    OptOut.objects.create(did="did:plc:bob", host=alice)  # as a release stored it that knew no accounts
    OptOut.objects.create(did="did:plc:bob", host=make_member("nadia"))
    Member.objects.get(username="nadia").delete()
    again = return_as(alice, "deleted")
    assert opt_outs.opted_out(make_member("olaf"), ["did:plc:bob"]) == {}
    assert opt_outs.opted_out(again, ["did:plc:bob"]) == {"did:plc:bob": "opted_out_host"}


@WAYS
def test_only_the_invited_person_takes_it_back(alice, return_as, way):
    actions.opt_out("did:plc:bob", alice)
    actions.opt_out("did:plc:bob")
    again = return_as(alice, way)
    site, host = queries.opt_outs(["did:plc:bob"])
    actions.withdraw_opt_out(host)
    assert opt_outs.opted_out(again, ["did:plc:bob"]) == {"did:plc:bob": "opted_out_site"}
    actions.withdraw_opt_out(site)
    assert opt_outs.opted_out(again, ["did:plc:bob"]) == {}


@WAYS
@pytest.mark.promise("follows-the-account")
def test_the_caps_are_used_up(picnic, alice, send, deliver, return_as, make_event, set_options, way):
    set_options(invitations={"spacing_seconds": 0, "per_day": 2, "first_week_per_day": 2, "per_week": 5})
    send(picnic, "bob", "carol", thread=False)
    deliver()
    again = return_as(alice, way)
    left = caps.remaining(again)
    assert (left.today, left.this_week) == (0, 3)
    sent = actions.invite(again, make_event(again), ["did:plc:dan"], thread=False)
    assert (sent.today, len(sent.later)) == (0, 1)


def test_a_person_s_share_of_the_week_is_used_up_too(picnic, alice, send, return_as, make_event, set_options):
    set_options(invitations={"per_person_per_week": 1})
    send(picnic, "bob")
    again = return_as(alice, "deleted")
    assert not actions.invite(again, make_event(again), ["did:plc:bob"]).queued


@WAYS
@pytest.mark.parametrize("reason", ["operator", "opt_outs", "spam_label"])
@pytest.mark.promise("follows-the-account")
def test_a_pause_goes_on(picnic, alice, return_as, way, reason):
    pauses.pause_host(alice, reason)
    picnic.delete()
    again = return_as(alice, way)
    assert HostSending.objects.get(host=again).pause_reason == reason


def test_a_pause_reaches_every_member_of_the_account_and_ends_for_all(picnic, alice, return_as, site):
    operator = Member.objects.create_superuser("olga", password="a long password")
    again = return_as(alice)
    pauses.pause_host(alice, "operator")
    assert HostSending.objects.get(host=again).paused_at
    actions.resume_sending(again, operator)
    assert not HostSending.objects.exclude(paused_at=None).exists()
    assert not SendingAccount.objects.exclude(paused_at=None).exists()


def test_who_unlinks_cannot_end_a_pause_for_a_label(alice, return_as):
    pauses.pause_host(alice, "spam_label")
    alice.set_password("a long password")
    alice.save()
    linking.remove_sign_in(alice)
    with pytest.raises(InvitationRefused):
        actions.resume_sending(alice, alice)


@WAYS
@pytest.mark.promise("follows-the-account")
def test_the_first_week_began_with_the_account(alice, return_as, make_member, set_options, way):
    Member.objects.filter(pk=alice.pk).update(date_joined=timezone.now() - timedelta(days=3))
    SendingAccount.objects.update(began_at=timezone.now() - timedelta(days=3))
    again = return_as(alice, way)
    Member.objects.filter(pk=again.pk).update(date_joined=timezone.now())
    assert caps.remaining(again).first_week
    SendingAccount.objects.update(began_at=timezone.now() - timedelta(days=8))
    assert not caps.remaining(again).first_week


def test_history_counts_when_too_many_opt_out(picnic, alice, send, deliver, return_as, set_options):
    set_options(invitations={"opt_outs_to_pause": 3, "opt_out_percent_to_pause": 10, "spacing_seconds": 0})
    send(picnic, "bob", "carol", "dan", thread=False)
    deliver()
    assert Invitation.objects.filter(state=State.SENT).count() == 3
    actions.opt_out("did:plc:bob", alice)
    actions.opt_out("did:plc:carol", alice)
    again = return_as(alice, "deleted")
    assert breakers.check_posts(again) == (2, 3)
    actions.opt_out("did:plc:dan", again)
    assert HostSending.objects.get(host=again).pause_reason == "opt_outs"


def test_after_a_deletion_only_keyed_hashes_stay(picnic, alice, send, deliver, return_as):
    send(picnic, "bob")
    deliver()
    Report.objects.create(invitation=Invitation.objects.get(), text="Alice again")
    return_as(alice, "deleted", did="did:plc:somebody")
    stored = [str(list(model.objects.values())) for model in (PastInvitation, SendingAccount, SendingAccountKey)]
    assert not any(name in text.lower() for text in stored for name in (ALICE, "did:plc", "alice", "bob"))
    assert SendingAccount.objects.get(past__by_email=False).past_reports == 1


def test_another_bluesky_account_is_another_host(picnic, alice, return_as):
    actions.opt_out("did:plc:bob", alice)
    other = return_as(alice, did="did:plc:other")
    assert opt_outs.opted_out(other, ["did:plc:bob"]) == {}
    assert MemberIdentity.objects.get().member == other


def test_who_proves_the_account_later_sends_no_queued_post_past_an_opt_out(
    alice, return_as, make_member, make_event, deliver, agent, row
):
    """The opt-out was of another host until she proved his account, so it ended no row of hers."""
    actions.opt_out("did:plc:bob", alice)
    other = make_member("olivia", "did:plc:olivia")
    assert actions.invite(other, make_event(other), ["did:plc:bob", "did:plc:carol"], thread=False).queued == 2
    accounts.join(other, ALICE)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "opted_out_host")
    assert len(agent.posts) == 1
