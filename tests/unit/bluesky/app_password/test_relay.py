"""The relay account: when it cannot post, the operator is notified, no host is blamed, and its server is spared."""

import pytest
from django.utils import timezone

from elonara.bluesky import hooks
from elonara.bluesky.models import AppPasswordSession
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.members import notices
from elonara.members.models import Member, Notice
from elonara.options import Relay

POST = {"text": "Alice invites you", "langs": ["en"]}


@pytest.fixture
def account(net, pds):
    found = pds.create_account("relay.example.com")
    net.person(found.did, found.handle, pds.url)
    return found


@pytest.fixture
def relay(account, bluesky, monkeypatch):
    """The account in the settings, for everybody: `relay("a password")`."""

    def configure(password=account.app_password):
        bluesky(relay=Relay(identifier=account.handle, app_password=password))

    configure()
    monkeypatch.setattr(hooks, "_relay_policy", lambda member_id: "")
    return configure


@pytest.fixture
def operator(transactional_db):
    return Member.objects.create_superuser("olga", password="a long password")


def sessions_created(pds):
    return len([call for call in pds.calls if "createSession" in call.path])


def open_notices(member):
    return list(Notice.objects.filter(member=member, dismissed_at=None).values_list("text", flat=True))


@pytest.mark.parametrize("when", ["before the call", "in the call"])
def test_a_refused_relay_password_notifies_the_operator_and_no_host(
    connected, relay, account, pds, member, operator, hook_calls, when
):
    agent = LegacyBlueskyAgent()
    assert agent.readiness(member.pk).author_did == account.did
    assert agent.create_post_for_member(member.pk, POST, author_did=account.did).success
    pds.revoke_app_password(account.did)
    if when == "before the call":
        AppPasswordSession.objects.update(access_expires_at=timezone.now())
    else:
        pds.expire_tokens()
    for _ in range(3):
        result = agent.create_post_for_member(member.pk, POST, author_did=account.did)
        assert (result.reason, result.retryable, result.needs_reauth) == ("relay_unavailable", True, False)
    assert [text for text in open_notices(operator) if "@relay.example.com" in text]
    assert len(open_notices(operator)) == 1
    assert open_notices(member) == []
    assert not [call for call in hook_calls if call[0] == "on_needs_member"]
    ready = agent.readiness(member.pk)
    assert (ready.can_post, ready.reason) == (False, "relay_unavailable")
    # A new password in the settings works at once.
    relay(account.app_password)
    assert agent.create_post_for_member(member.pk, POST, author_did=account.did).success
    assert open_notices(operator) == []


def test_a_wrong_relay_password_is_not_tried_for_every_page_and_post(connected, relay, pds, member, operator, clock):
    relay("mistyped")
    agent = LegacyBlueskyAgent()
    for _ in range(5):
        assert agent.readiness(member.pk).reason == "relay_unavailable"
        assert agent.create_post_for_member(member.pk, POST).reason == "relay_unavailable"
    assert sessions_created(pds) == 1
    assert len(open_notices(operator)) == 1
    clock.pass_(hours=2)
    agent.readiness(member.pk)
    assert sessions_created(pds) == 2
    relay()
    assert agent.readiness(member.pk).can_post


def test_an_unreachable_server_is_tried_again_after_half_an_hour(connected, relay, net, pds, member, operator, clock):
    serve = net.origins.pop(pds.url)
    agent = LegacyBlueskyAgent()
    assert agent.readiness(member.pk).reason == "relay_unavailable"
    net.origins[pds.url] = serve
    assert agent.readiness(member.pk).reason == "relay_unavailable"
    clock.pass_(minutes=31)
    assert agent.readiness(member.pk).can_post
    assert open_notices(operator) == []


def test_a_relay_account_that_was_taken_down_is_no_fault_of_the_host(connected, relay, account, member):
    agent = LegacyBlueskyAgent()
    assert agent.readiness(member.pk).can_post
    AppPasswordSession.objects.update(access_expires_at=timezone.now(), refresh_jwt_enc="")
    account.state = "takendown"
    assert agent.create_post_for_member(member.pk, POST, author_did=account.did).reason == "relay_unavailable"


@pytest.mark.parametrize("agent", [LegacyBlueskyAgent(), OAuthBlueskyAgent()])
def test_a_new_relay_account_never_writes_posts_of_the_former_one(
    connected, relay, account, bluesky, net, pds, member, agent
):
    assert LegacyBlueskyAgent().readiness(member.pk).author_did == account.did
    other = pds.create_account("newer.example.com")
    net.person(other.did, other.handle, pds.url)
    bluesky(relay=Relay(identifier=other.handle, app_password=other.app_password))
    # This post was attempted before: it may exist in the former account's repository, and nowhere else.
    result = agent.create_post_for_member(member.pk, POST, author_did=account.did, rkey="3kznmn7xqxl22")
    assert (result.success, result.reason) == (False, "other_author")
    assert not [call for call in pds.calls if "createRecord" in call.path]


def test_operators_are_notified_once_a_day(operator, clock):
    for _ in range(2):
        notices.notify_operators("relay spam_label", "It has stopped.", "/admin/jobs/")
    notices.dismiss(operator, Notice.objects.get().pk)
    notices.notify_operators("relay spam_label", "It has stopped.", "/admin/jobs/")
    assert open_notices(operator) == []
    clock.pass_(days=1, minutes=1)
    notices.notify_operators("relay spam_label", "It has stopped.", "/admin/jobs/")
    assert open_notices(operator) == ["It has stopped."]


@pytest.mark.parametrize("password", ["the same", "a new one"])
def test_a_handle_that_moved_does_not_change_who_posts(connected, relay, account, bluesky, net, pds, member, password):
    agent = LegacyBlueskyAgent()
    assert agent.readiness(member.pk).author_did == account.did
    known, account.handle = account.handle, "renamed.example.com"
    net.person(account.did, account.handle, pds.url)
    thief = pds.create_account(known)  # the handle is somebody else's now
    net.person(thief.did, known, pds.url)
    if password == "a new one":
        account.app_password = "abcd-efgh-ijkl-mnop"
    bluesky(relay=Relay(identifier=known, app_password=account.app_password))
    pds.calls.clear()
    assert agent.readiness(member.pk).author_did == account.did
    assert agent.create_post_for_member(member.pk, POST, author_did=account.did).success
    assert thief.did not in [call.json()["identifier"] for call in pds.calls if "createSession" in call.path]
