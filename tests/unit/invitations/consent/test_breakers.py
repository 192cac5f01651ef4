"""The circuit breaker: a host whose invitations are not wanted is paused, and no other host."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.graph import somebody

from elonara.bluesky.models import PdsHost
from elonara.invitations import actions, notifications
from elonara.invitations.consent import breakers
from elonara.invitations.models import EmailInvitation, HostSending, Invitation, State
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.invitations.outbox import queue as delivery_queue
from elonara.members.models import Member, Notice

NAMES = ("bob", "carol", "dan", "erin", "frank")


def opt_out(*rows, host=None):
    for row in rows:
        actions.opt_out(row.invitee_did, host)


def paused():
    return list(HostSending.objects.exclude(paused_at=None).values_list("host__username", "pause_reason"))


def sent_emails(host, event, count):
    EmailInvitation.objects.bulk_create(
        EmailInvitation(
            event=event, host=host, address_hash=f"address{number}", token_hash=f"token{number}", state="sent",
            due_at=timezone.now(), sent_at=timezone.now() - timedelta(hours=1),
        )
        for number in range(count)
    )  # fmt: skip


@pytest.fixture
def people():
    return [somebody(name) for name in NAMES]


@pytest.fixture
def sent(picnic, send, deliver):
    send(picnic, *NAMES[:4])
    deliver()
    return list(Invitation.objects.filter(state=State.SENT).order_by("invitee_handle"))


@pytest.mark.promise("breaker")
def test_three_opt_outs_of_a_few_pause_the_host_and_notify_her_and_the_operator(alice, sent, site):
    operator = Member.objects.create_superuser("olga", password="a long password")
    opt_out(*sent[:2], host=alice)
    assert paused() == []
    opt_out(sent[2])  # of the whole site: that counts too
    assert paused() == [(alice.username, "opt_outs")]
    assert "3 of the last 4" in Notice.objects.get(member=operator).text
    assert "Many people asked" in Notice.objects.get(member=alice).text


@pytest.mark.promise("breaker")
def test_a_paused_host_sends_nothing_until_the_operator_lets_her(alice, sent, picnic, send, deliver, row):
    operator = Member.objects.create_superuser("olga", password="a long password")
    opt_out(*sent[:3], host=alice)
    send(picnic, NAMES[4])
    deliver()
    assert (row(NAMES[4]).state, row(NAMES[4]).reason) == (State.WAITING, "opt_outs")
    actions.resume_sending(alice, operator)
    deliver()
    assert row(NAMES[4]).state == State.SENT


def test_three_opt_outs_of_many_do_not_pause(alice, sent, set_options):
    set_options(invitations={"opt_out_percent_to_pause": 80})
    opt_out(*sent[:3], host=alice)
    assert paused() == []
    opt_out(sent[3], host=alice)
    assert paused() == [(alice.username, "opt_outs")]


def test_welcome_emails_do_not_hide_unwelcome_posts(alice, picnic, sent, set_options):
    set_options(invitations={"opt_out_percent_to_pause": 60})
    sent_emails(alice, picnic, 20)
    opt_out(*sent[:3], host=alice)
    assert paused() == [(alice.username, "opt_outs")]


def test_welcome_posts_do_not_hide_unwelcome_emails(alice, picnic, sent, set_options):
    set_options(invitations={"opt_out_percent_to_pause": 60})
    sent_emails(alice, picnic, 4)
    for number in range(3):
        EmailOptOut.objects.create(address_hash=f"address{number}", host=alice)
    breakers.after_email_opt_out("address2", alice)
    assert paused() == [(alice.username, "opt_outs")]


def test_the_breaker_can_be_switched_off(alice, sent, set_options):
    set_options(invitations={"opt_outs_to_pause": 0})
    opt_out(*sent, host=alice)
    assert paused() == []


def test_opt_outs_of_another_host_do_not_count(alice, sent, make_member):
    opt_out(*sent, host=make_member("zoe", "did:plc:zoe"))
    assert paused() == []


def test_a_server_that_rate_limits_us_is_left_alone_until_its_limit_resets(
    alice, picnic, send, deliver, row, agent, clock
):
    until = timezone.now() + timedelta(minutes=4)
    PdsHost.objects.create(origin="https://pds.example", paused_until=until, reason="rate_limited")
    send(picnic, "bob", thread=False)
    deliver()
    assert agent.calls == []
    assert delivery_queue.next_poll_at("did:plc:host") == until
    clock.pass_(minutes=5)
    deliver()
    assert row("bob").state == State.SENT


def test_the_operator_is_notified_on_her_pages_that_the_relay_has_stopped(alice):
    operator = Member.objects.create_superuser("olga", password="a long password")
    for _ in range(2):
        notifications.relay_stopped("spam_label")
    notice = Notice.objects.get()
    assert (notice.member, notice.link) == (operator, "/admin/jobs/")
    assert "own account has stopped posting" in notice.text
    assert "labelled the posting account as spam" in notice.text
