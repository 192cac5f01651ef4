"""The graph through a real PDS and AppView."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.graph.service import BlueskyGraphService, GraphUnavailable
from elonara.bluesky.models import ActorView, MemberIdentity


class Somebody:
    """A person on the network, who acts with her main password as the Bluesky app does."""

    def __init__(self, network, account):
        self.did, self.handle, self.account, self._network = account.did, account.handle, account, network
        self._http = network.client()
        who = {"identifier": account.did, "password": account.password}
        self._token = self.call("com.atproto.server.createSession", who, token="")["accessJwt"]

    def call(self, nsid, body, *, token=None, **headers):
        token = self._token if token is None else token
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        response = self._http.post(f"{self._network.pds}/xrpc/{nsid}", json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.json() if response.content else {}

    def follow(self, other):
        self._record("app.bsky.graph.follow", other.did)

    def block(self, other):
        self._record("app.bsky.graph.block", other.did)

    def mute(self, other):
        proxy = f"{self._network.appview_did}#bsky_appview"
        self.call("app.bsky.graph.muteActor", {"actor": other.did}, **{"atproto-proxy": proxy})

    def deactivate(self):
        self.call("com.atproto.server.deactivateAccount", {})

    def _record(self, collection, subject):
        # Each with its own time, because the network's cursors are times.
        created_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"$type": collection, "subject": subject, "createdAt": created_at}
        self.call("com.atproto.repo.createRecord", {"repo": self.did, "collection": collection, "record": record})


@pytest.fixture(scope="module")
def people(network):
    """A host and others: mutual, fan, idol, one who blocks her, one whom she mutes, and two who change."""
    names = ["host", "mutual", "fan", "idol", "blocks", "muted", "leaving", "turning"]
    found = {name: Somebody(network, network.create_account()) for name in names}
    host = found["host"]
    for name in ("mutual", "fan", "muted"):
        found[name].follow(host)
    for name in ("mutual", "idol", "muted"):
        host.follow(found[name])
    found["blocks"].block(host)
    host.mute(found["muted"])
    network.sync()
    return found


@pytest.fixture
def account(people):
    """The member's account is the host's."""
    return people["host"].account


@pytest.fixture
def graph(people, connected):
    return BlueskyGraphService()


def dids(page):
    return {person.did for person in page.people}


def test_followers_and_follows_have_viewer_state(graph, people, member):
    followers = graph.get_followers(member.pk)
    assert followers.known
    assert dids(followers) == {people[name].did for name in ("mutual", "fan", "muted")}
    follows = graph.get_follows(member.pk)
    assert dids(follows) == {people[name].did for name in ("mutual", "idol", "muted")}
    by_did = {person.did: person for person in followers.people + follows.people}
    assert by_did[people["mutual"].did].mutual
    assert by_did[people["fan"].did].follows_you
    assert not by_did[people["fan"].did].you_follow
    assert by_did[people["muted"].did].muted
    assert {person.did for person in followers.people if person.mutual} == {people["mutual"].did, people["muted"].did}


def test_pages_end_only_where_there_is_no_cursor(graph, people, member):
    found, cursor, pages = set(), None, 0
    while True:
        page = graph.get_followers(member.pk, cursor, limit=1)
        found |= dids(page)
        cursor, pages = page.cursor, pages + 1
        if not cursor:
            break
    assert found == {people[name].did for name in ("mutual", "fan", "muted")}
    assert pages >= 3


def test_confirming_finds_blocks_and_mutes_by_did_and_by_handle(graph, people, member):
    names = [people["mutual"].did, people["blocks"].did, "@" + people["muted"].handle, "nobody-here.test"]
    found = graph.confirm(member.pk, names)
    assert set(found) == set(names[:3])
    assert found[names[0]].mutual
    assert found[names[1]].blocked_by
    assert found[names[2]].muted
    assert all(person.known for person in found.values())


def test_a_view_is_cached_for_ten_minutes(graph, people, member, network):
    did = people["turning"].did
    assert not graph.confirm(member.pk, [did])[did].blocked_by
    people["turning"].block(people["host"])
    network.sync()
    assert not graph.confirm(member.pk, [did])[did].blocked_by
    assert graph.confirm(member.pk, [did], max_age=0)[did].blocked_by
    ActorView.objects.update(checked_at=timezone.now() - timedelta(minutes=11))
    assert graph.confirm(member.pk, [did])[did].blocked_by


def test_a_deactivated_account_is_gone(graph, people, member, network):
    people["leaving"].deactivate()
    network.sync()
    found = graph.confirm(member.pk, [people["leaving"].did, "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"], max_age=0)
    assert found[people["leaving"].did].gone == "deactivated"
    assert found["did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"].gone == "deleted"


def test_more_people_than_one_call_accepts(graph, people, member, network):
    many = [people[name].did for name in ("mutual", "fan", "idol")] + [f"did:plc:{'b' * 22}{n:02}" for n in (22, 33)]
    strangers = [account.did for account in network.accounts.values()][:30]
    found = graph.confirm(member.pk, many + strangers, max_age=0)
    assert set(found) == set(many + strangers)


def test_without_the_permission_people_are_seen_but_not_known(graph, people, member):
    # The server still has the full grant, but the site goes by its row and reads anonymously.
    MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked")
    page = graph.get_followers(member.pk)
    assert not page.known
    assert dids(page) == {people[name].did for name in ("mutual", "fan", "muted")}
    assert not any(person.known or person.mutual for person in page.people)
    did = people["blocks"].did
    assert not graph.confirm(member.pk, [did])[did].known
    assert not ActorView.objects.exists()


def test_a_missing_scope_falls_back_to_an_anonymous_read(people, connected, member, faults):
    body = {"error": "ScopeMissingError", "message": "Missing required scope"}
    faults({"match": "app.bsky.graph.getFollowers", "kind": "status", "status": 403, "body": body, "times": 1})
    page = BlueskyGraphService().get_followers(member.pk)
    assert not page.known
    assert people["fan"].did in dids(page)


def test_a_member_who_never_connected_is_asked_to_connect(site, make_member):
    with pytest.raises(GraphUnavailable) as unavailable:
        BlueskyGraphService().get_followers(make_member().pk)
    assert unavailable.value.reason == "not_connected"


def test_a_rate_limit_gets_a_sentence(graph, member, faults):
    faults({"match": "getFollowers", "kind": "status", "status": 429, "body": {"error": "RateLimitExceeded"}})
    with pytest.raises(GraphUnavailable) as unavailable:
        graph.get_followers(member.pk)
    assert unavailable.value.reason == "rate_limited"


@pytest.mark.promise("disconnect")
def test_disconnecting_deletes_the_cached_views(graph, people, member, service):
    graph.confirm(member.pk, [people["mutual"].did])
    assert ActorView.objects.filter(member=member).exists()
    service.disconnect(member)
    assert not ActorView.objects.exists()


def test_labels_of_an_account_are_read_anonymously(graph, people):
    assert graph.labels(people["host"].did) == ()


@pytest.mark.promise("credentials-apart")
def test_no_read_ever_uses_an_app_password(graph, people, member, account, faults, network):
    app_passwords.connect(member, "", account.app_password)
    MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked")
    before = len(network.fault_log())
    faults({"match": "app.bsky.", "kind": "delay-before", "ms": 1})
    assert not graph.get_followers(member.pk).known
    assert len(network.fault_log()) == before  # nothing went to the PDS at all
