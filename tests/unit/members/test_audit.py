"""The audit log: what is done to others is written down by the action itself, once, without a secret."""

import json
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone
from tests.unit.invitations.conftest import *  # noqa: F403

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.housekeeping import cleanup, reauthorization
from elonara.invitations import actions as inviting
from elonara.invitations.consent import pauses
from elonara.invitations.results import InvitationRefused
from elonara.members import actions, audit
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Member


@pytest.fixture
def operator(make_member):
    return make_member("olga", is_superuser=True, is_staff=True)


def written():
    return list(AuditEntry.objects.order_by("pk").values_list("who", "what", "subject", "note"))


def on_members(operator, member, **_):
    actions.approve(member, operator)
    actions.suspend(member, operator)
    actions.approve(member, operator)
    actions.set_rights(member, operator, is_staff=True, is_superuser=False)
    yield from ("member_approved", "member_suspended", "member_reinstated", "rights_changed")


def on_sending(operator, alice, **_):
    inviting.pause_sending(alice, operator)
    inviting.resume_sending(alice, operator)
    inviting.approve_relay(alice, operator)
    inviting.withdraw_relay(alice, operator)
    yield from ("sending_paused", "sending_resumed", "relay_approved", "relay_withdrawn")


def on_events(operator, alice, active, picnic, **_):
    events.hide(picnic, operator, "a scam")
    events.unhide(picnic, operator)
    events.add_cohost(picnic, by=alice, member=active)
    events.remove_cohost(picnic, by=alice, member=active)
    events.cancel(picnic, alice)
    yield from ("hidden", "unhidden", "cohost_added", "cohost_removed", "event_cancelled")


def on_communities(operator, alice, active, bakers, **_):
    communities.hide(bakers, operator)
    communities.unhide(bakers, operator)
    row = communities.join(bakers, member=active)
    communities.set_role(bakers, by=alice, membership=row, role="moderator")
    communities.remove_member(bakers, by=alice, membership=row)
    communities.close(bakers, alice)
    yield from ("hidden", "unhidden", "role_changed", "person_removed", "community_closed")


@pytest.mark.promise("audit-log")
@pytest.mark.parametrize("acts", [on_members, on_sending, on_events, on_communities])
def test_every_action_is_written_down_once(acts, operator, make_member, alice, picnic, bakers):
    people = {"operator": operator, "alice": alice, "picnic": picnic, "bakers": bakers}
    member, active = make_member("mia", standing="pending"), make_member("ari")
    assert [what for _, what, _, _ in written()] == []
    expected = list(acts(member=member, active=active, **people))
    assert [what for _, what, _, _ in written()] == expected


def test_doing_it_again_is_not_written_down_again(operator, make_member, alice, picnic):
    member = make_member("mia")
    cohost = make_member("ari")
    for _ in range(2):
        actions.suspend(member, operator)
        inviting.pause_sending(alice, operator)
        inviting.approve_relay(alice, operator)
        events.add_cohost(picnic, by=alice, member=cohost)
        events.hide(picnic, operator)
    actions.approve(cohost, operator)
    inviting.resume_sending(cohost, operator)
    assert [(who, what, subject) for who, what, subject, _ in written()] == [
        ("olga", "member_suspended", "member mia"),
        ("olga", "sending_paused", "member alice"),
        ("olga", "relay_approved", "member alice"),
        ("alice", "cohost_added", f"event {picnic.slug}"),
        ("olga", "hidden", f"event {picnic.slug}"),
    ]


@pytest.mark.promise("audit-log")
def test_what_is_refused_is_not_written_down(operator, make_member, alice, picnic, bakers):
    eve = make_member("eve")
    pauses.pause_host(alice, "operator")
    AuditEntry.objects.all().delete()
    for refused in (
        lambda: actions.suspend(alice, eve),
        lambda: actions.approve(alice, eve),
        lambda: actions.set_rights(eve, eve, is_staff=True, is_superuser=True),
        lambda: actions.set_rights(operator, operator, is_staff=False, is_superuser=False),
        lambda: inviting.pause_sending(alice, eve),
        lambda: inviting.resume_sending(alice, eve),
        lambda: inviting.approve_relay(alice, alice),
        lambda: inviting.withdraw_relay(alice, alice),
        lambda: events.hide(picnic, alice),
        lambda: events.cancel(picnic, eve),
        lambda: communities.close(bakers, eve),
    ):
        with pytest.raises((NotAllowed, InvitationRefused)):
            refused()
    assert written() == []


@pytest.mark.promise("audit-log")
def test_an_entry_goes_with_the_transaction_of_its_action(operator, make_member):
    member = make_member("mia")
    with transaction.atomic():
        actions.suspend(member, operator)
        transaction.set_rollback(True)
    assert written() == []


def test_an_entry_outlives_whoever_acted(operator, make_member):
    actions.suspend(make_member("mia"), operator)
    operator.delete()
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.who) == (None, "olga")


def test_a_removed_way_to_sign_in_is_written_down(make_member):
    member = make_member("mia", did="did:plc:mia", password="a long password")
    BlueskyOAuthService().remove_sign_in(member)
    assert written() == [("mia", "sign_in_removed", "member mia", "Bluesky")]


def test_a_removed_second_factor_is_written_down_without_its_key(make_member):
    cache.clear()  # counts of failed sign-ins
    member = make_member("mia", password="a long password")
    key = totp.generate_totp_secret()
    totp.TOTP.activate(member, key)
    browser = Client(HTTP_HOST="127.0.0.1")
    assert browser.post("/accounts/login/", {"login": "mia", "password": "a long password"}).status_code == 302
    code = totp.format_hotp_value(totp.hotp_value(key, next(totp.yield_hotp_counters_from_time())))
    browser.post("/accounts/2fa/authenticate/", {"code": code})
    browser.post("/accounts/reauthenticate/", {"password": "a long password"})
    browser.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(type="totp").exists()
    assert ("mia", "sign_in_removed", "member mia", "second factor (totp)") in written()
    assert key not in json.dumps(written())


def test_the_rights_of_the_admin_page_go_through_the_action(operator, make_member):
    member = make_member("mia")
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(operator)
    form = {"username": "mia", "display_name": "Mia", "email": "", "bio": "", "timezone": ""}
    browser.post(f"/admin/elonara/member/{member.pk}/change/", form | {"is_staff": "on", "is_superuser": "on"})
    member.refresh_from_db()
    assert (member.display_name, member.is_superuser) == ("Mia", True)
    assert written() == [("olga", "rights_changed", "member mia", "operator: yes, staff: yes")]
    form |= {"username": "olga"}
    browser.post(f"/admin/elonara/member/{operator.pk}/change/", form)
    assert Member.objects.get(pk=operator.pk).is_superuser, "her own rights she cannot take away"


def test_the_jobs_page_says_who_let_an_account_or_a_server_go_on(operator):
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(operator)
    for what, which in (("account", "did:plc:host"), ("server", "https://pds.example")):
        browser.post("/admin/jobs/", {"what": what, "which": which})
    assert [entry[:3] for entry in written()] == [
        ("olga", "account_resumed", "did:plc:host"), ("olga", "server_resumed", "https://pds.example"),
    ]  # fmt: skip


def test_asking_hosts_to_reauthorize_is_written_down(site):
    reauthorization.ask_to_reauthorize([])
    assert written() == [("command line", "asked_to_reauthorize", "0 hosts", "")]


@pytest.mark.promise("audit-kept")
def test_entries_are_kept_for_a_bounded_time(operator, make_member, alice):
    actions.suspend(make_member("mia"), operator)
    AuditEntry.objects.update(at=timezone.now() - audit.KEPT_FOR - timedelta(minutes=1))
    actions.suspend(make_member("ari"), operator)
    cleanup.clear()
    assert [subject for _, _, subject, _ in written()] == ["member ari"]


def test_words_that_nobody_can_read_are_refused(operator):
    with pytest.raises(ValueError, match="WORDS"):
        audit.record(operator, "did_something", operator)


@pytest.mark.parametrize("note", ["one\ntwo", "x" * 900, "\u202eevil", ""])
def test_a_note_is_one_short_line(operator, picnic, note):
    events.hide(picnic, operator, note)
    ((_, _, _, kept),) = written()
    assert len(kept) <= 300
    assert kept.isprintable()
