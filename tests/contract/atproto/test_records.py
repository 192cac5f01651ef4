"""Records at a real PDS: written once, read back, and what it says when they cannot be."""

import threading
from datetime import UTC, datetime

import pytest

from elonara.atproto import records
from elonara.atproto.app_password import BearerAuth
from elonara.atproto.errors import ErrorKind, NetworkError, XrpcError
from elonara.atproto.rich_text import TextBuilder, grapheme_length
from elonara.atproto.tid import new_tid

CREATE = "com.atproto.repo.createRecord"
GET = "com.atproto.repo.getRecord"
DELETE = "com.atproto.repo.deleteRecord"


def a_post(text="Hello", facets=(), **more):
    return records.post(text, facets, ["en"], created_at=datetime.now(UTC), **more)


@pytest.fixture
def repo(network, xrpc, account, auth):
    """What one account does with its posts."""

    class Repo:
        did = account.did

        def create(self, rkey, record=None, repo=account.did, **more):
            body = {"repo": repo, "collection": records.POST, "rkey": rkey, "record": record or a_post()}
            return xrpc.procedure(network.pds, CREATE, body, auth=auth, **more)

        def get(self, rkey, repo=account.did):
            where = {"repo": repo, "collection": records.POST, "rkey": rkey}
            return xrpc.query(network.pds, GET, where)

        def delete(self, rkey):
            where = {"repo": account.did, "collection": records.POST, "rkey": rkey}
            return xrpc.procedure(network.pds, DELETE, where, auth=auth)

        def exists(self, rkey):
            try:
                self.get(rkey)
            except XrpcError as fault:
                if fault.kind is not ErrorKind.RECORD_NOT_FOUND:
                    raise
                return False
            return True

    return Repo()


def refused(call, *args, **kwargs):
    with pytest.raises(XrpcError) as caught:
        call(*args, **kwargs)
    return caught.value


def test_a_whole_post_is_written_and_read_back(network, xrpc, auth, repo):
    bob = network.accounts["bob.test"]
    blob = xrpc.procedure(
        network.pds,
        "com.atproto.repo.uploadBlob",
        content=b"\xff\xd8\xff\xe0" + b"x" * 99,
        content_type="image/jpeg",
        auth=auth,
    )["blob"]
    text = TextBuilder().mention("@bob.test", bob.did).text(" näch 🎉 ").link("https://example.com/i/x").build()
    first = repo.create(new_tid())
    record = a_post(
        text.text,
        text.facets,
        embed=records.external("https://example.com/i/x", "Picnic", "In the park", blob),
        reply=records.reply_ref(first["uri"], first["cid"], first["uri"], first["cid"]),
    )
    rkey = new_tid()
    made = repo.create(rkey, record)
    assert made["uri"] == f"at://{repo.did}/app.bsky.feed.post/{rkey}"
    found = repo.get(rkey)
    assert found["value"] == record
    assert found["cid"] == made["cid"]


def test_an_rkey_that_exists_is_a_500_and_reading_it_tells_why(repo):
    rkey = new_tid()
    repo.create(rkey)
    fault = refused(repo.create, rkey)
    assert (fault.status, fault.error) == (500, "InternalServerError")
    assert fault.kind is ErrorKind.RECORD_EXISTS_OR_SERVER
    assert fault.ambiguous
    assert repo.exists(rkey)


def test_of_many_creates_with_one_rkey_one_is_done(repo):
    rkey, outcomes = new_tid(), []

    def create():
        try:
            outcomes.append(repo.create(rkey)["cid"] and "made")
        except XrpcError as fault:
            outcomes.append(fault.kind)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + [ErrorKind.RECORD_EXISTS_OR_SERVER] * 15


def test_an_absent_record_is_not_found_and_can_be_deleted(repo):
    rkey = new_tid()
    assert refused(repo.get, rkey).kind is ErrorKind.RECORD_NOT_FOUND
    repo.delete(rkey)
    repo.create(rkey)
    repo.delete(rkey)
    assert not repo.exists(rkey)


def test_a_repo_that_nobody_has_is_not_found(repo):
    assert refused(repo.get, new_tid(), repo="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa").kind is ErrorKind.ACCOUNT_NOT_FOUND


def test_a_blob_that_was_never_uploaded_is_not_found(repo):
    cid = "bafkreiabszxfblexpbd4o3ldttznxwfcvhv3phg2gpdwbjxz7jshgsi7uq"
    blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": "image/jpeg", "size": 5}
    card = records.external("https://example.com", "t", "d", blob)
    assert refused(repo.create, new_tid(), a_post(embed=card)).kind is ErrorKind.BLOB_NOT_FOUND


def test_writing_into_somebody_elses_repo_is_refused_for_good(network, repo):
    fault = refused(repo.create, new_tid(), repo=network.accounts["bob.test"].did)
    assert not fault.ambiguous
    assert fault.kind in {ErrorKind.TOKEN_INVALID, ErrorKind.BAD_REQUEST}


def test_without_a_credential_writing_is_our_fault(network, xrpc, account):
    body = {"repo": account.did, "collection": records.POST, "record": a_post()}
    assert refused(xrpc.procedure, network.pds, CREATE, body).kind is ErrorKind.WRONG_SCHEME_OR_HOST


# One grapheme each, as the server counts them too
GRAPHEMES = ["é", "é", "👍🏽", "🇩🇪", "न", "한", "ก็", "日", "1️⃣", "👩‍👩‍👧‍👦"]


@pytest.mark.parametrize("grapheme", GRAPHEMES)
def test_the_server_counts_graphemes_as_we_do(repo, grapheme):
    most = min(300, 3000 // len(grapheme.encode()))
    text = grapheme * most
    assert grapheme_length(text) == most
    repo.create(new_tid(), a_post(text))
    longer = a_post() | {"text": text + grapheme}
    fault = refused(repo.create, new_tid(), longer)
    assert fault.kind is ErrorKind.TEXT_TOO_LONG


def test_a_method_that_nobody_has_is_refused_and_not_in_doubt(network, xrpc, auth):
    fault = refused(xrpc.procedure, network.pds, "com.example.nothing.here", {}, auth=auth)
    assert not fault.ambiguous


# When the network or the server fails


def test_an_answer_lost_after_the_work_is_in_doubt_and_the_record_stands(repo, faults):
    rkey = new_tid()
    faults({"match": CREATE, "kind": "drop-after", "rate": 1, "times": 1})
    with pytest.raises(NetworkError) as caught:
        repo.create(rkey)
    assert caught.value.ambiguous
    assert repo.exists(rkey)
    assert refused(repo.create, rkey).kind is ErrorKind.RECORD_EXISTS_OR_SERVER


def test_a_request_lost_before_the_work_is_in_doubt_too_but_nothing_stands(repo, faults):
    rkey = new_tid()
    faults({"match": CREATE, "kind": "drop-before", "rate": 1, "times": 1})
    with pytest.raises(NetworkError) as caught:
        repo.create(rkey)
    assert caught.value.ambiguous
    assert not repo.exists(rkey)


def test_a_late_write_is_in_doubt_when_the_deadline_passes(repo, faults):
    rkey = new_tid()
    faults({"match": CREATE, "kind": "delay-before", "ms": 1500, "rate": 1, "times": 1})
    with pytest.raises(NetworkError) as caught:
        repo.create(rkey, deadline=0.5)
    assert caught.value.ambiguous
    done = threading.Event()
    for _ in range(60):
        if repo.exists(rkey):
            break
        done.wait(0.1)
    assert repo.exists(rkey)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_fault_is_in_doubt(repo, faults, status):
    faults({"match": CREATE, "kind": "status", "status": status, "body": "<html>", "rate": 1, "times": 1})
    fault = refused(repo.create, new_tid())
    assert fault.status == status
    assert fault.ambiguous


def test_a_rate_limit_says_until_when(repo, faults):
    headers = {
        "ratelimit-limit": "5000",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "1796054400",
        "retry-after": "90",
    }
    limited = {
        "status": 429,
        "headers": headers,
        "body": {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"},
    }
    faults({"match": CREATE, "kind": "status", "rate": 1, "times": 1} | limited)
    fault = refused(repo.create, new_tid())
    assert fault.kind is ErrorKind.RATE_LIMITED
    assert not fault.ambiguous
    assert fault.retry_after == 90
    assert fault.resets_at == datetime.fromtimestamp(1796054400, UTC)


# What becomes of accounts


def main_session(network, xrpc, account):
    login = {"identifier": account.did, "password": account.password}
    return BearerAuth(xrpc.procedure(network.pds, "com.atproto.server.createSession", login)["accessJwt"])


def test_a_deactivated_account_cannot_write_until_it_is_back(network, xrpc, account, repo):
    main = main_session(network, xrpc, account)
    xrpc.procedure(network.pds, "com.atproto.server.deactivateAccount", {}, auth=main)
    assert refused(repo.create, new_tid()).kind is ErrorKind.ACCOUNT_DEACTIVATED
    # The PDS passes the read on to its AppView, which may not have heard of so new an account.
    unread = {ErrorKind.ACCOUNT_DEACTIVATED, ErrorKind.RECORD_NOT_FOUND, ErrorKind.ACCOUNT_NOT_FOUND}
    assert refused(repo.get, new_tid()).kind in unread
    xrpc.procedure(network.pds, "com.atproto.server.activateAccount", auth=main)
    repo.create(new_tid())


def test_a_repo_named_by_an_old_handle_is_not_found_but_its_did_is(network, xrpc, account, repo):
    main = main_session(network, xrpc, account)
    new = {"handle": f"n{account.handle}"}
    xrpc.procedure(network.pds, "com.atproto.identity.updateHandle", new, auth=main)
    assert refused(repo.create, new_tid(), repo=account.handle).kind is ErrorKind.ACCOUNT_NOT_FOUND
    repo.create(new_tid())
