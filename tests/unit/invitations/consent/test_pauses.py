"""The operator pauses hosts and approves them for the relay; after a pause everything goes on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.pages import page_text

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.writing.agent import Readiness
from elonara.invitations import actions
from elonara.invitations.consent import pauses
from elonara.invitations.models import HostSending, Invitation, State
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import NotAllowed
from elonara.members.models import Member


@pytest.fixture
def operator(site):
    return Member.objects.create_superuser("olga", password="a long password")


def test_nobody_ends_a_pause_while_the_label_exists_or_may_exist(
    picnic, alice, send, deliver, agent, friends, operator
):
    send(picnic, "bob")
    deliver()  # this process has cached that there is no label, just before another process sees one
    friends.account_labels["did:plc:host"] = ("spam",)
    pauses.pause_host(alice, "spam_label")
    send(picnic, "carol")
    posted = len(agent.posts)
    for by in (alice, operator):
        with pytest.raises(InvitationRefused) as caught:
            actions.resume_sending(alice, by)
        assert caught.value.code == "spam_label"
    friends.down = GraphUnavailable("server", "Bluesky had a problem.")
    with pytest.raises(InvitationRefused, match="did not say"):
        actions.resume_sending(alice, alice)
    friends.down = None
    deliver()
    assert len(agent.posts) == posted


@pytest.mark.parametrize("reason", ["opt_outs", "operator"])
def test_what_a_pause_postponed_goes_on_when_it_ends(picnic, alice, send, deliver, row, operator, reason):
    send(picnic, "bob", "carol", "dan", thread=False)
    pauses.pause_host(alice, reason)
    Invitation.objects.update(reason=reason, next_attempt_at=timezone.now() + timedelta(hours=1))
    actions.resume_sending(alice, operator)
    deliver()
    assert {row(name).state for name in ("bob", "carol", "dan")} == {State.SENT}


@pytest.fixture
def admins_browser(operator):
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(operator)

    def run_action(action, *hosts):
        form = {"action": action, "_selected_action": [host.pk for host in hosts]}
        return client.post("/admin/elonara/hostsending/", form, follow=True)

    run_action.client = client
    return run_action


@pytest.fixture
def waiting(agent, picnic, send, deliver, row, alice):
    """Bob's invitation, which waits until alice may post through the relay."""
    agent.ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")
    send(picnic, "bob", thread=False)
    deliver()
    assert row("bob").state == State.WAITING
    HostSending.objects.get_or_create(host=alice)
    agent.ready = None


@pytest.mark.parametrize("way", ["action", "form"])
def test_what_waited_for_an_approval_goes_on_after_it(waiting, admins_browser, alice, deliver, row, way):
    if way == "action":
        admins_browser("approve_relay", alice)
    else:
        form = {"host": alice.pk, "relay_approved": "on"}
        admins_browser.client.post(f"/admin/elonara/hostsending/{alice.pk}/change/", form)
    assert HostSending.objects.get().relay_approved
    deliver()
    assert row("bob").state == State.SENT
    admins_browser("withdraw_relay", alice)
    assert not HostSending.objects.get().relay_approved


def test_a_pause_keeps_its_time_and_its_reason(admins_browser, alice, clock):
    admins_browser("pause", alice)  # no row yet: nothing is chosen
    pauses.pause_host(alice, "opt_outs")
    before = HostSending.objects.get()
    clock.pass_(days=1)
    assert "was paused already" in page_text(admins_browser("pause", alice))
    after = HostSending.objects.get()
    assert (after.paused_at, after.pause_reason) == (before.paused_at, "opt_outs")
    admins_browser("go_on", alice)
    assert HostSending.objects.get().paused_at is None
    admins_browser("pause", alice)
    assert HostSending.objects.get().pause_reason == "operator"


@pytest.mark.parametrize("reason", ["opt_outs", "operator"])
def test_a_pause_by_label_does_not_hide_one_that_only_the_operator_ends(alice, operator, reason):
    pauses.pause_host(alice, "spam_label")
    assert pauses.pause_host(alice, reason)
    with pytest.raises(InvitationRefused):
        actions.resume_sending(alice, alice)
    assert not pauses.pause_host(alice, "spam_label")
    assert HostSending.objects.get().pause_reason == reason


@pytest.mark.promise("operators-only")
def test_nobody_but_the_operator_pauses_or_approves(alice):
    for act in (actions.pause_sending, actions.approve_relay, actions.withdraw_relay):
        with pytest.raises(NotAllowed):
            act(alice, by=alice)
    assert not HostSending.objects.exists()


@pytest.mark.parametrize(("reason", "herself"), [("opt_outs", False), ("operator", False), ("spam_label", True)])
def test_who_ends_a_pause(picnic, alice, make_member, send, agent, operator, reason, herself):
    pauses.pause_host(alice, reason)
    for by in [make_member("carla", "did:plc:carla"), *([] if herself else [alice])]:
        with pytest.raises(InvitationRefused) as caught:
            actions.resume_sending(alice, by)
        assert caught.value.code == "not_allowed"
        assert HostSending.objects.get(host=alice).pause_reason == reason
    actions.resume_sending(alice, alice if herself else operator)
    assert HostSending.objects.get(host=alice).paused_at is None
