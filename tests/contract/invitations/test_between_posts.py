"""What happens on the real network between the preview and Send, and between two invitations of one send."""

import secrets
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from django.utils import timezone

from elonara.atproto.records import timestamp
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.writing.agent import POSTS
from elonara.invitations import actions
from elonara.invitations.consent import relay_audience
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.members.models import Member

ADMIN = ("admin", "admin-pass")  # of the sandbox's PDS


class InTheApp:
    """An account in a client of its own, without this site."""

    def __init__(self, network, account):
        self.did = account.did
        self._pds = httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False)
        self._session = self.call("com.atproto.server.createSession", identifier=account.did, password=account.password)

    def call(self, nsid, body=True, **values):
        """`body` false: the method takes none, which is another thing than an empty one."""
        headers = {"authorization": f"Bearer {self._session['accessJwt']}"} if hasattr(self, "_session") else {}
        response = self._pds.post(nsid, json=values if body else None, headers=headers)
        assert response.status_code == 200, response.text
        return response.json() if response.content else {}

    def write(self, collection, subject):
        record = {"$type": collection, "subject": subject.did, "createdAt": timestamp(timezone.now())}
        return self.call("com.atproto.repo.createRecord", repo=self.did, collection=collection, record=record)["uri"]

    def delete(self, uri):
        _, _, _, collection, rkey = uri.split("/")
        self.call("com.atproto.repo.deleteRecord", repo=self.did, collection=collection, rkey=rkey)


@pytest.fixture(params=["legacy", "oauth", "relay"])
def voice(request):
    return request.param


@pytest.fixture
def author(network, account, voice):
    """The account that posts: the host's, or the site's own."""
    return network.create_account() if voice == "relay" else account


@pytest.fixture
def host(site, point_at, network, account, author, voice):
    """A host who posts by app password, by OAuth or through the relay, a minute between two posts."""
    names = {"ELONARA_BLUESKY__WRITES__MODE": "oauth" if voice == "oauth" else "legacy"}
    if voice == "relay":
        names["ELONARA_BLUESKY__RELAY__IDENTIFIER"] = author.handle
        names["ELONARA_BLUESKY__RELAY__APP_PASSWORD"] = author.app_password
    point_at(network, ELONARA_INVITATIONS__SPACING_SECONDS="60", **names)
    relay_audience.forget_answers()
    member = Member.objects.create_user(f"host{secrets.token_hex(4)}", display_name="Alice")
    service, browser = BlueskyOAuthService(), secrets.token_hex(8)
    url = service.begin("connect", account.handle, member=member, browser=browser, confirmed=True)
    back = network.approve(url, account.handle, account.password)
    service.finish(dict(parse_qsl(urlsplit(back).query)), browser=browser)
    HostSending.objects.create(host=member, relay_approved=True)
    if voice == "legacy":
        app_passwords.connect(member, account.handle, account.app_password)
    return member


@pytest.fixture
def followers(network, account, friends):
    """The friends in their apps, each following the host, with the URI of that follow."""
    apps = [InTheApp(network, one) for one in friends]
    found = [(app, app.write("app.bsky.graph.follow", account)) for app in apps]
    network.sync()
    return found


@pytest.fixture
def posts(network, author):
    """The author's posts: URI → record."""

    def read():
        with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False) as pds:
            found = pds.get("com.atproto.repo.listRecords", params={"repo": author.did, "collection": POSTS}).json()
        return {one["uri"]: one["value"] for one in found["records"]}

    return read


@pytest.fixture
def later(clock, deliver):
    def go(times=1, **time):
        for _ in range(times):
            clock.pass_(**(time or {"minutes": 2}))
            deliver()

    return go


def invite(host, event, followers):
    return actions.invite(host, event, [app.did for app, _ in followers])


@pytest.mark.parametrize("what", ["blocks", "is blocked", "deletes the account"])
def test_what_changes_after_the_preview(
    what, network, voice, host, account, author, followers, make_event, deliver, later, posts
):
    event, leaving = make_event(), network.create_account()
    if what == "deletes the account":
        followers[1] = (InTheApp(network, leaving), "")
        followers[1][0].write("app.bsky.graph.follow", account)
        network.sync()
    changed, dids = followers[1][0], [app.did for app, _ in followers]
    preview = actions.preview(host, event, dids)
    if what == "blocks":
        changed.write("app.bsky.graph.block", account)
        reason = "blocked_by"
    elif what == "is blocked":
        InTheApp(network, account).write("app.bsky.graph.block", changed)
        reason = "blocking"
    network.sync()
    sent = actions.invite(host, event, dids, preview_id=preview.preview_id)
    assert sent.queued == 3, "for the page the answer that the preview got is young enough"
    if what == "deletes the account":  # after Send: the public AppView, which the relay asks, knows it at once
        _delete_account(network, leaving)
        network.sync()
        reason = "gone_deleted"
    deliver()
    later(3)
    states = dict(Invitation.objects.values_list("invitee_did", "state"))
    stopped = Invitation.objects.get(invitee_did=followers[1][0].did)
    assert (stopped.state, stopped.reason) == (State.SUPPRESSED, reason)
    assert list(states.values()).count(State.SENT) == 2
    assert not any(stopped.invitee_handle in value["text"] for value in posts().values())


def _delete_account(network, account):
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False, auth=ADMIN) as pds:
        response = pds.post("com.atproto.admin.deleteAccount", json={"did": account.did})
        assert response.status_code == 200, response.text


@pytest.mark.parametrize("voice", ["relay"], indirect=True)
def test_who_unfollows_the_host_is_not_mentioned_by_the_relay(
    network, host, followers, make_event, deliver, later, posts
):
    event = make_event()
    actions.preview(host, event, [app.did for app, _ in followers])
    app, follow = followers[1]
    app.delete(follow)
    network.sync()
    assert [one.reason for one in invite(host, event, followers).skipped] == ["relay_audience"]
    deliver()
    later(3)
    assert not Invitation.objects.filter(invitee_did=app.did, state=State.SENT).exists()
    assert Invitation.objects.filter(state=State.SENT).count() == 2


@pytest.mark.parametrize("by", ["the author in the app", "the server's administrator"])
@pytest.mark.parametrize("kind", ["event", "community"])
def test_an_announcement_that_is_deleted_between_two_invitations(
    by, kind, network, voice, host, author, followers, make_event, make_community, deliver, later, posts
):
    invite(host, make_event() if kind == "event" else make_community(), followers)
    deliver()
    later()
    root = Announcement.objects.get()
    assert Invitation.objects.filter(state=State.SENT).count() == 1
    if by == "the author in the app":
        InTheApp(network, author).delete(root.uri)
    else:
        _take_down(network, root)
    later(1, minutes=7)
    later(2)
    asked = list(Invitation.objects.filter(needs_confirmation=True))
    assert [(row.state, row.reason) for row in asked] == [(State.QUEUED, "announcement_gone")] * 2
    root.refresh_from_db()
    assert (root.state, root.reason) == (State.UNDONE, "announcement_gone")
    for row in asked:
        actions.confirm(row, host)
    later(3)
    assert Invitation.objects.filter(state=State.SENT).count() == 3
    alone = [value for value in posts().values() if "reply" not in value and value["text"].startswith("@")]
    assert len(alone) == 2


def _take_down(network, root):
    subject = {"$type": "com.atproto.repo.strongRef", "uri": root.uri, "cid": root.cid}
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False, auth=ADMIN) as pds:
        body = {"subject": subject, "takedown": {"applied": True, "ref": "a-report"}}
        response = pds.post("com.atproto.admin.updateSubjectStatus", json=body)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize("voice", ["legacy"], indirect=True)
def test_an_account_that_was_deactivated_for_a_while_has_lost_no_announcement(
    network, host, account, followers, make_event, deliver, later, posts
):
    invite(host, make_event(), followers)
    deliver()
    later()
    root, app = Announcement.objects.get(), InTheApp(network, account)
    app.call("com.atproto.server.deactivateAccount")
    later(2)
    root.refresh_from_db()
    assert root.state == State.SENT
    assert not Invitation.objects.filter(needs_confirmation=True).exists()
    app.call("com.atproto.server.activateAccount", body=False)
    later(4, hours=2)
    assert Invitation.objects.filter(state=State.SENT).count() == 3
    assert {value["reply"]["root"]["uri"] for value in posts().values() if "reply" in value} == {root.uri}


@pytest.mark.parametrize("voice", ["oauth"], indirect=True)
def test_a_server_that_does_not_answer_has_lost_no_announcement(
    network, faults, host, followers, make_event, deliver, later
):
    invite(host, make_event(), followers)
    deliver()
    later()
    faults({"match": "com.atproto.repo.getRecord", "kind": "status", "status": 502, "times": 9})
    later(3)
    assert Announcement.objects.get().state == State.SENT
    assert Invitation.objects.filter(state=State.SENT).count() == 3
