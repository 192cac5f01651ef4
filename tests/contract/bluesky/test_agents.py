"""What every backend does, against a real PDS: one suite, run with each of them."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from elonara.atproto.app_password import BearerAuth
from elonara.atproto.tid import is_tid, new_tid
from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.writing.agent import POSTS
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

CREATE = "com.atproto.repo.createRecord"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
    "08d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def a_record(text="You're invited"):
    return {"text": text, "langs": ["en"]}


def stored_post(network, did, rkey):
    params = {"repo": did, "collection": POSTS, "rkey": rkey}
    return site_network.xrpc().query(network.pds, "com.atproto.repo.getRecord", params)


def all_posts(network, did):
    params = {"repo": did, "collection": POSTS}
    return site_network.xrpc().query(network.pds, "com.atproto.repo.listRecords", params)["records"]


def test_a_post_without_a_given_key_gets_a_tid(agent, network, member, account):
    result = agent.create_post_for_member(member.pk, a_record())
    assert result.success, result
    rkey = result.uri.rsplit("/", 1)[1]
    assert is_tid(rkey)
    found = stored_post(network, account.did, rkey)
    assert found["cid"] == result.cid
    assert found["value"]["text"] == "You're invited"
    assert datetime.now(UTC) - datetime.fromisoformat(found["value"]["createdAt"]) < timedelta(minutes=1)
    assert result.response_payload["uri"] == result.uri


def test_a_post_is_written_found_and_deleted_at_its_key(agent, member, account):
    rkey = new_tid()
    absent = agent.find_post(member.pk, account.did, rkey)
    assert (absent.success, absent.absent) == (False, True)
    made = agent.create_post_for_member(member.pk, a_record(), author_did=account.did, rkey=rkey)
    found = agent.find_post(member.pk, account.did, rkey)
    assert (found.success, found.uri, found.cid) == (True, made.uri, made.cid)
    assert agent.delete_post(member.pk, account.did, rkey).success
    assert agent.find_post(member.pk, account.did, rkey).absent
    # Deleting an absent record succeeds, as it does at the PDS.
    assert agent.delete_post(member.pk, account.did, rkey).success


def test_the_same_key_twice_makes_one_post_and_is_ambiguous(agent, network, member, account):
    rkey = new_tid()
    assert agent.create_post_for_member(member.pk, a_record(), rkey=rkey).success
    again = agent.create_post_for_member(member.pk, a_record("Another text"), rkey=rkey)
    assert (again.success, again.ambiguous, again.retryable) == (False, True, True)
    assert agent.find_post(member.pk, account.did, rkey).success
    assert len(all_posts(network, account.did)) == 1


def test_a_lost_response_is_ambiguous_and_the_post_exists(agent, faults, network, member, account):
    rkey = new_tid()
    agent.create_post_for_member(member.pk, a_record("Before"))  # the server's nonce is known after this
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    lost = agent.create_post_for_member(member.pk, a_record(), rkey=rkey)
    assert (lost.success, lost.ambiguous, lost.retryable, lost.reason) == (False, True, True, "no_answer")
    assert agent.find_post(member.pk, account.did, rkey).success
    assert len(all_posts(network, account.did)) == 2


def test_a_rate_limit_says_until_when(agent, faults, member):
    resets = int((datetime.now(UTC) + timedelta(minutes=7)).timestamp())
    headers = {"ratelimit-limit": "5000", "ratelimit-remaining": "0", "ratelimit-reset": str(resets)}
    body = {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}
    faults({"match": CREATE, "kind": "status", "status": 429, "headers": headers, "body": body, "times": 1})
    result = agent.create_post_for_member(member.pk, a_record())
    assert (result.success, result.reason, result.retryable) == (False, "rate_limited", True)
    assert (result.ambiguous, result.needs_reauth) == (False, False)
    assert result.resets_at == datetime.fromtimestamp(resets, UTC)


def test_a_server_fault_is_ambiguous(agent, faults, member):
    faults({"match": CREATE, "kind": "status", "status": 502, "body": {}, "times": 1})
    result = agent.create_post_for_member(member.pk, a_record())
    assert (result.success, result.reason, result.retryable, result.ambiguous) == (False, "server", True, True)


def test_a_token_that_we_sent_wrongly_is_not_blamed_on_the_member(agent, faults, member):
    body = {"error": "InvalidToken", "message": "Bad token scope"}
    faults({"match": CREATE, "kind": "status", "status": 400, "body": body, "times": 1})
    result = agent.create_post_for_member(member.pk, a_record())
    assert (result.reason, result.needs_reauth, result.retryable) == ("wrong_scheme_or_host", False, False)
    assert "our fault" in result.error_message
    assert MemberIdentity.objects.get().state_reason in {"", "revoked"}  # unchanged


def test_a_picture_is_uploaded_and_its_card_accepted(agent, network, member, account):
    uploaded = agent.upload_image(member.pk, account.did, PNG, "image/png")
    assert uploaded.success, uploaded
    blob = uploaded.response_payload["blob"]
    external = {"uri": "https://elonara.example/events/picnic", "title": "Picnic", "description": "", "thumb": blob}
    record = a_record() | {"embed": {"$type": "app.bsky.embed.external", "external": external}}
    made = agent.create_post_for_member(member.pk, record)
    assert made.success, made
    post = stored_post(network, account.did, made.uri.rsplit("/", 1)[1])
    assert post["value"]["embed"]["external"]["thumb"]["ref"] == blob["ref"]


def test_a_picture_that_the_server_does_not_have_is_named(agent, member):
    blob = {
        "$type": "blob",
        "ref": {"$link": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
        "mimeType": "image/png",
        "size": 70,
    }
    external = {"uri": "https://elonara.example/", "title": "Picnic", "description": "", "thumb": blob}
    record = a_record() | {"embed": {"$type": "app.bsky.embed.external", "external": external}}
    result = agent.create_post_for_member(member.pk, record)
    assert (result.success, result.reason) == (False, "blob_not_found")


def test_an_invalid_record_is_refused_for_good_with_the_servers_message(agent, member):
    result = agent.create_post_for_member(member.pk, {"langs": ["en"]})
    assert (result.success, result.reason, result.retryable, result.ambiguous) == (
        False,
        "record_refused",
        False,
        False,
    )
    assert "text" in result.error_message


def test_another_account_is_never_written_to(agent, make_account, member):
    other = make_account()
    result = agent.create_post_for_member(member.pk, a_record(), author_did=other.did)
    assert (result.success, result.reason, result.needs_reauth) == (False, "other_author", False)


def test_a_changed_handle_changes_nothing(agent, network, member, account):
    made = site_network.xrpc().procedure(
        network.pds, "com.atproto.server.createSession", {"identifier": account.did, "password": account.password}
    )
    site_network.xrpc().procedure(
        network.pds,
        "com.atproto.identity.updateHandle",
        {"handle": "new-" + account.handle},
        auth=BearerAuth(made["accessJwt"]),
    )
    assert agent.create_post_for_member(member.pk, a_record()).success


def test_a_deactivated_account_waits(agent, network, member, account):
    made = site_network.xrpc().procedure(
        network.pds, "com.atproto.server.createSession", {"identifier": account.did, "password": account.password}
    )
    auth = BearerAuth(made["accessJwt"])
    site_network.xrpc().procedure(network.pds, "com.atproto.server.deactivateAccount", {}, auth=auth)
    result = agent.create_post_for_member(member.pk, a_record())
    assert (result.success, result.reason, result.retryable) == (False, "account_deactivated", True)
    site_network.xrpc().procedure(network.pds, "com.atproto.server.activateAccount", auth=auth)
    assert agent.create_post_for_member(member.pk, a_record()).success


def test_sixteen_at_once_with_one_key_make_one_post(agent, network, member, account):
    rkey, results = new_tid(), []

    def create():
        results.append(agent.create_post_for_member(member.pk, a_record(), rkey=rkey))
        connection.close()

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([result for result in results if result.success]) == 1
    assert all(result.success or result.ambiguous for result in results)
    assert len(all_posts(network, account.did)) == 1


def test_readiness_names_the_account_that_would_post(agent, member, account):
    ready = agent.readiness(member.pk)
    assert (ready.can_post, ready.author_did, ready.voice) == (True, account.did, "host")
    assert ready.sentence.startswith(f"Ready to post: yes, from @{account.handle}")


def test_each_attempt_logs_one_line_without_secrets(agent, member, account, caplog):
    with caplog.at_level(logging.INFO, "elonara.bluesky.writes"):
        agent.create_post_for_member(member.pk, a_record(), rkey="3l4a5b6c7d8e2")
    lines = [record.getMessage() for record in caplog.records if record.name == "elonara.bluesky.writes"]
    assert len(lines) == 1
    for part in ("create 3l4a5b6c7d8e2", f"member {member.pk}", account.did, " ms"):
        assert part in lines[0]
    assert "oauth" in lines[0] or "app_password" in lines[0]
    assert "eyJ" not in lines[0]


@pytest.mark.promise("credentials-apart")
def test_in_legacy_mode_no_write_carries_an_oauth_token(connected, network, member, account, guarded_http):
    app_passwords.connect(member, "", account.app_password)
    http = RecordingHttp(guarded_http(network))
    with site_network.use(http):
        agent = LegacyBlueskyAgent()
        assert agent.create_post_for_member(member.pk, a_record()).success
        assert agent.upload_image(member.pk, account.did, PNG, "image/png").success
        assert agent.delete_post(member.pk, account.did, new_tid()).success
    assert len(http.schemes) == 3
    assert set(http.schemes) == {"Bearer"}
    assert OAuthBlueskyAgent().create_post_for_member(member.pk, a_record()).success


def test_one_session_serves_many_posts(connected, network, member, account, guarded_http):
    app_passwords.connect(member, "", account.app_password)
    http = RecordingHttp(guarded_http(network))
    with site_network.use(http):
        for _ in range(3):
            assert LegacyBlueskyAgent().create_post_for_member(member.pk, a_record()).success
    assert not [url for url in http.urls if "createSession" in url or "refreshSession" in url]
    assert AppPasswordSession.objects.get().did == account.did


class RecordingHttp:
    """Passes requests on, and records their URLs and the authorization schemes of POSTs."""

    def __init__(self, http):
        self._http, self.schemes, self.urls = http, [], []

    def request(self, method, url, **options):
        scheme = (options.get("headers") or {}).get("authorization", "").partition(" ")[0]
        self.urls.append(url)
        if method == "POST":
            self.schemes.append(scheme)
        return self._http.request(method, url, **options)

    def check(self, url):
        self._http.check(url)
