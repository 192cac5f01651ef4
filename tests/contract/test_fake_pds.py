"""The fake PDS and the real one answer alike: each test runs against both."""

import contextlib
import secrets
import time

import httpx2
import pytest
from sandbox.migration import take_down
from tests.fakes.pds import FakePds
from tests.fakes.profiles import SERVERS

from elonara.atproto.oauth.dpop import DpopKey

POST = "app.bsky.feed.post"


class Caller:
    """A client of one PDS, fake or real, with a fresh account."""

    def __init__(self, url, account):
        self.account = account
        self.client = httpx2.Client(base_url=f"{url}/xrpc/", timeout=10, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def post(self, name, body=None, token="", timeout=10, **headers):
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        return self.client.post(f"com.atproto.{name}", json=body, headers=headers, timeout=timeout)

    def session(self, password=""):
        body = {"identifier": self.account.did, "password": password or self.account.app_password}
        return self.post("server.createSession", body).json()

    def body(self, rkey, **more):
        record = {"$type": POST, "text": "Hello", "createdAt": "2026-11-01T12:00:00.000Z", **more}
        return {"repo": self.account.did, "collection": POST, "rkey": rkey, "record": record}

    def status(self):
        found = self.client.get("com.atproto.sync.getRepoStatus", params={"did": self.account.did}).json()
        found.pop("rev", None)
        return found

    def read(self, rkey):
        where = {"repo": self.account.did, "collection": POST, "rkey": rkey}
        return self.client.get("com.atproto.repo.getRecord", params=where)


@pytest.fixture(params=["fake", "real"])
def pds(request):
    if request.param == "real":
        network = request.getfixturevalue("network")
        with Caller(network.pds, network.create_account()) as caller:
            caller.take_down = lambda applied: take_down(network, caller.account.did, applied=applied)
            caller.deactivate = lambda token: caller.post("server.deactivateAccount", {}, token)
            yield caller
        return
    with FakePds() as fake, Caller(fake.url, fake.create_account("alice.test")) as caller:
        if request.param != "fake":
            fake.profile = request.param
        caller.take_down = lambda applied: fake.take_down(caller.account.did, applied=applied)
        caller.deactivate = lambda _token: setattr(caller.account, "state", "deactivated")
        yield caller


# For tests in which nobody is refused in words that differ between implementations (docs/servers.md).
at_every_server = pytest.mark.parametrize("pds", [*SERVERS, "real"], ids=str, indirect=True)


@pytest.fixture
def rkey():
    return "3k" + "".join(secrets.choice("234567abcdefghijklmnopqrstuvwxyz") for _ in range(11))


def said(answer):
    return answer.status_code, answer.json()["error"]


@at_every_server
def test_a_record_is_written_once_under_its_key(pds, rkey):
    token = pds.session()["accessJwt"]
    assert said(pds.read(rkey)) == (400, "RecordNotFound")
    made = pds.post("repo.createRecord", pds.body(rkey), token)
    assert made.status_code == 200
    assert made.json()["uri"] == f"at://{pds.account.did}/{POST}/{rkey}"
    assert pds.read(rkey).json()["cid"] == made.json()["cid"]
    assert said(pds.post("repo.createRecord", pds.body(rkey, text="Again"), token)) == (500, "InternalServerError")
    assert pds.read(rkey).json()["value"]["text"] == "Hello"


@at_every_server
def test_deleting_what_is_not_there_succeeds_and_frees_the_key(pds, rkey):
    token = pds.session()["accessJwt"]
    for _ in range(2):
        assert pds.post("repo.deleteRecord", pds.body(rkey), token).status_code == 200
    assert pds.post("repo.createRecord", pds.body(rkey), token).status_code == 200
    assert pds.post("repo.deleteRecord", pds.body(rkey), token).status_code == 200
    assert said(pds.read(rkey)) == (400, "RecordNotFound")


@at_every_server
def test_putting_the_same_again_gives_the_same_cid(pds, rkey):
    token = pds.session()["accessJwt"]
    first, second = (pds.post("repo.putRecord", pds.body(rkey), token).json() for _ in range(2))
    assert first["cid"] == second["cid"]


@at_every_server
def test_a_record_may_only_name_blobs_of_its_repository(pds, rkey):
    token = pds.session()["accessJwt"]
    headers = {"authorization": f"Bearer {token}", "content-type": "image/png"}
    png = b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(20)
    thumb = pds.client.post("com.atproto.repo.uploadBlob", content=png, headers=headers).json()["blob"]
    assert thumb["size"] == len(png)

    def card(blob):
        external = {"uri": "https://example.com/", "title": "T", "description": "D", "thumb": blob}
        return pds.body(rkey, embed={"$type": "app.bsky.embed.external", "external": external})

    foreign = {**thumb, "ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}
    assert said(pds.post("repo.createRecord", card(foreign), token)) == (400, "BlobNotFound")
    assert pds.post("repo.createRecord", card(thumb), token).status_code == 200


def test_passwords_and_what_they_may_do(pds):
    assert "accessJwt" not in pds.session("wrong-pass")
    wrong = {"identifier": pds.account.did, "password": "wrong-pass"}
    assert said(pds.post("server.createSession", wrong)) == (401, "AuthenticationRequired")
    assert said(pds.post("server.createAppPassword", {"name": "more"}, pds.session()["accessJwt"])) == (
        400,
        "InvalidToken",
    )
    main = pds.session(pds.account.password)
    assert pds.post("server.createAppPassword", {"name": "more"}, main["accessJwt"]).status_code == 200


def test_a_used_refresh_token_leads_to_the_same_successor_until_the_session_is_deleted(pds):
    old = pds.session()["refreshJwt"]
    first, second = (pds.post("server.refreshSession", None, old) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    token = second.json()["refreshJwt"]
    assert pds.post("server.deleteSession", None, token).status_code == 200
    assert said(pds.post("server.refreshSession", None, token)) == (400, "ExpiredToken")


def test_writing_needs_a_token_and_ones_own_repository(pds, rkey):
    assert said(pds.post("repo.createRecord", pds.body(rkey))) == (401, "AuthMissing")
    token = pds.session()["accessJwt"]
    gone = pds.body(rkey) | {"repo": "nobody-here.test"}
    assert said(pds.post("repo.createRecord", gone, token)) == (403, "AccountNotFound")


def test_an_unknown_handle_is_not_resolved(pds):
    found = pds.client.get("com.atproto.identity.resolveHandle", params={"handle": "nobody-here.test"})
    assert said(found) == (400, "HandleNotFound")
    mine = pds.client.get("com.atproto.identity.resolveHandle", params={"handle": pds.account.handle})
    assert mine.json() == {"did": pds.account.did}


def test_an_account_that_is_deactivated_signs_in_and_writes_nothing(pds, rkey):
    token = pds.session()["accessJwt"]
    main = pds.session(pds.account.password)["accessJwt"]
    assert pds.status() == {"did": pds.account.did, "active": True}
    pds.deactivate(main)
    assert pds.status() == {"did": pds.account.did, "active": False, "status": "deactivated"}
    session = pds.session()
    assert (session["active"], session["status"]) == (False, "deactivated")
    renewed = pds.post("server.refreshSession", None, session["refreshJwt"]).json()
    assert (renewed["active"], renewed["status"]) == (False, "deactivated")
    who = pds.client.get("com.atproto.server.getSession", headers={"authorization": f"Bearer {token}"}).json()
    assert (who["active"], who["status"]) == (False, "deactivated")
    for one in (token, session["accessJwt"]):
        assert said(pds.post("repo.createRecord", pds.body(rkey), one)) == (401, "AccountDeactivated")


def test_an_account_that_is_taken_down_has_wrong_app_passwords_until_that_is_lifted(pds, rkey):
    session = pds.session()
    token = session["accessJwt"]
    assert pds.post("repo.createRecord", pds.body(rkey), token).status_code == 200
    pds.take_down(applied=True)
    assert pds.status() == {"did": pds.account.did, "active": False, "status": "takendown"}
    assert said(pds.post("repo.createRecord", pds.body("3kaaaaaaaaaaa"), token)) == (401, "AccountTakedown")
    assert said(pds.post("server.refreshSession", None, session["refreshJwt"])) == (401, "AccountTakedown")
    again = {"identifier": pds.account.did, "password": pds.account.app_password}
    assert said(pds.post("server.createSession", again)) == (401, "AuthenticationRequired")
    main = again | {"password": pds.account.password}
    assert said(pds.post("server.createSession", main)) == (401, "AccountTakedown")
    assert said(pds.read(rkey)) == (400, "InvalidRequest")  # which proves nothing about the record
    pds.take_down(applied=False)
    assert pds.read(rkey).status_code == 200
    assert said(pds.post("server.refreshSession", None, session["refreshJwt"])) == (400, "ExpiredToken")
    assert pds.post("server.createSession", again).json()["active"] is True


def test_the_state_of_an_account_that_nobody_has_is_not_found(pds):
    params = {"did": "did:plc:nobodynobodynobodynobod"}
    assert said(pds.client.get("com.atproto.sync.getRepoStatus", params=params)) == (400, "RepoNotFound")


def test_the_fake_drops_answers_and_writes_late():
    with FakePds() as fake, Caller(fake.url, fake.create_account("alice.test")) as pds:
        token = pds.session()["accessJwt"]
        lost, late = "3kaaaaaaaaaaa", "3kbbbbbbbbbbb"
        fake.faults = [
            {"match": "createRecord", "kind": "drop-after", "times": 1},
            {"match": "createRecord", "kind": "delay-before", "ms": 300, "times": 1},
        ]
        with pytest.raises(httpx2.RemoteProtocolError):
            pds.post("repo.createRecord", pds.body(lost), token)
        assert pds.read(lost).status_code == 200
        with pytest.raises(httpx2.TimeoutException):
            pds.post("repo.createRecord", pds.body(late), token, timeout=0.1)
        assert pds.read(late).status_code == 400
        end = time.monotonic() + 5
        while pds.read(late).status_code != 200:
            assert time.monotonic() < end
        assert fake.fault_log == ["drop-after", "delay-before"]


def test_the_fake_wants_proofs_with_its_nonce_and_the_granted_scope():
    with contextlib.ExitStack() as stack:
        fake = stack.enter_context(FakePds())
        account, key = fake.create_account("alice.test"), DpopKey.generate()
        token = fake.oauth_token(account.did, key.thumbprint, f"atproto repo:{POST}?action=create")
        pds = stack.enter_context(Caller(fake.url, account))

        def write(name, nonce, used=key):
            proof = used.proof("POST", f"{fake.url}/xrpc/com.atproto.repo.{name}", nonce=nonce, access_token=token)
            return pds.post(f"repo.{name}", pds.body("3kaaaaaaaaaaa"), authorization=f"DPoP {token}", dpop=proof)

        assert said(pds.post("repo.createRecord", pds.body("3k"), token)) == (400, "InvalidToken")
        asked = write("createRecord", None)
        assert said(asked) == (401, "use_dpop_nonce")
        nonce = asked.headers["dpop-nonce"]
        assert said(write("createRecord", nonce, DpopKey.generate())) == (401, "invalid_dpop_proof")
        assert write("createRecord", nonce).status_code == 200
        assert said(write("deleteRecord", nonce)) == (403, "ScopeMissingError")
        fake.expire_tokens()
        expired = write("createRecord", nonce)
        assert said(expired) == (401, "invalid_token")
        assert expired.headers["www-authenticate"] == 'DPoP error="invalid_token"'
