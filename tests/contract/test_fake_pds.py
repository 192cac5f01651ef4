"""The fake PDS and the real one answer alike: each test runs against both."""

import contextlib
import secrets
import time

import httpx2
import pytest
from sandbox.migration import take_down
from tests.contract.caller import POST, Caller, jwt_claims, said
from tests.fakes.pds import FakePds
from tests.fakes.profiles import BLUESKY, OAUTH_SERVERS, SERVERS

from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.text_limits import limit_in, says_too_long


@pytest.fixture(params=["fake", "real"])
def pds(request):
    if request.param == "real":
        network = request.getfixturevalue("network")
        with Caller(network.pds, network.create_account()) as caller:
            caller.take_down = lambda applied: take_down(network, caller.account.did, applied=applied)
            caller.deactivate = lambda token: caller.post("server.deactivateAccount", {}, token)
            yield caller
        return
    profile = BLUESKY if request.param == "fake" else request.param
    with FakePds() as fake, Caller(fake.url, fake.create_account("alice.test"), profile) as caller:
        fake.profile, fake.app_passwords = profile, profile.app_passwords
        if not profile.counts_text:
            fake.text_limit = None
        if profile.app_passwords == "none":
            caller.account.app_password = caller.account.password  # the only one there is
        caller.take_down = lambda applied: fake.take_down(caller.account.did, applied=applied)
        caller.deactivate = lambda _token: setattr(caller.account, "state", "deactivated")
        yield caller


# The fakes of all implementations (docs/servers.md) and the real PDS. Two tests are about what Bluesky's PDS alone was
# measured to do with the sessions of an account that rests.
at_every_server = pytest.mark.parametrize("pds", [*SERVERS, "real"], ids=str, indirect=True)


@pytest.fixture
def rkey():
    return "3k" + "".join(secrets.choice("234567abcdefghijklmnopqrstuvwxyz") for _ in range(11))


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


@at_every_server
def test_a_text_of_more_than_300_graphemes_is_refused_in_words_that_tell_the_limit(pds, rkey):
    token = pds.session()["accessJwt"]
    for text, fits in (
        ("x" * 300, True),
        ("x" * 301, not pds.profile.counts_text),
        ("👨‍👩‍👧" * 160, True),
    ):
        made = pds.post("repo.createRecord", pds.body(rkey, text=text), token)
        assert (made.status_code == 200) == fits, made.text
        if not fits:
            assert made.status_code == 400
            assert says_too_long(made.json()["message"]), made.text
            assert limit_in(made.json()["message"], text).most == 300
        pds.post("repo.deleteRecord", pds.body(rkey), token)


@at_every_server
def test_app_passwords_are_known_by_the_method_that_makes_them(pds):
    made = pds.client.get("com.atproto.server.createAppPassword")
    if pds.profile.app_passwords != "scoped":
        assert made.status_code == 401
        return
    assert said(made) == (400, "InvalidRequest")
    assert made.json()["message"] == "Incorrect HTTP method (GET) expected POST"


@at_every_server
def test_passwords_and_what_they_may_do(pds):
    wrong = {"identifier": pds.account.did, "password": "wrong-pass"}
    refused = pds.post("server.createSession", wrong)
    assert pds.refuses(refused, "wrong password", 401, "AuthenticationRequired"), refused.text
    if pds.profile.app_passwords == "scoped":
        more = pds.post("server.createAppPassword", {"name": "more"}, pds.session()["accessJwt"])
        assert said(more) == (400, "InvalidToken")
        main = pds.session(pds.account.password)
        assert pds.post("server.createAppPassword", {"name": "more"}, main["accessJwt"]).status_code == 200


@at_every_server
def test_what_a_session_may_do_is_in_its_access_token(pds):
    scope = jwt_claims(pds.session()["accessJwt"])["scope"]
    assert scope == ("com.atproto.appPass" if pds.profile.app_passwords == "scoped" else "com.atproto.access")
    assert jwt_claims(pds.session(pds.account.password)["accessJwt"])["scope"] == "com.atproto.access"


@at_every_server
def test_a_used_refresh_token_leads_to_the_same_successor_until_the_session_is_deleted(pds):
    old = pds.session()["refreshJwt"]
    first, second = (pds.post("server.refreshSession", None, old) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    token = second.json()["refreshJwt"]
    assert pds.post("server.deleteSession", None, token).status_code == 200
    over = pds.post("server.refreshSession", None, token)
    assert pds.refuses(over, "refresh ended", 400, "ExpiredToken"), over.text


@at_every_server
def test_a_token_that_is_none_is_refused(pds, rkey):
    refresh = pds.session()["refreshJwt"]
    refused = pds.post("repo.createRecord", pds.body(rkey), refresh)
    assert pds.refuses(refused, "bearer invalid", 400, "InvalidToken"), refused.text
    assert said(pds.read(rkey)) == (400, "RecordNotFound")


@at_every_server
def test_writing_needs_a_token_and_ones_own_repository(pds, rkey):
    assert said(pds.post("repo.createRecord", pds.body(rkey))) == (401, "AuthMissing")
    token = pds.session()["accessJwt"]
    gone = pds.body(rkey) | {"repo": "nobody-here.test"}
    assert said(pds.post("repo.createRecord", gone, token)) == (403, "AccountNotFound")


@at_every_server
def test_an_unknown_handle_is_not_resolved(pds):
    found = pds.client.get("com.atproto.identity.resolveHandle", params={"handle": "nobody-here.test"})
    assert said(found) == (400, "HandleNotFound")
    mine = pds.client.get("com.atproto.identity.resolveHandle", params={"handle": pds.account.handle})
    assert mine.json() == {"did": pds.account.did}


RESTS = {"takendown": "AccountTakedown", "deactivated": "AccountDeactivated"}  # as Bluesky's PDS names them


@at_every_server
@pytest.mark.parametrize("state", RESTS)
def test_an_account_that_rests_is_refused_in_the_words_of_its_server(pds, rkey, state):
    token, main = pds.session()["accessJwt"], pds.session(pds.account.password)["accessJwt"]
    if state == "deactivated":
        pds.deactivate(main)
    else:
        pds.take_down(applied=True)
    written = pds.post("repo.createRecord", pds.body(rkey), token)
    if state not in pds.profile.rests:  # that server has no such state, or does not look at it
        assert (written.status_code, pds.status()) == (200, {"did": pds.account.did, "active": True})
        return
    assert pds.refuses(written, state, 401, RESTS[state])
    named = pds.profile.takedown_status if state == "takendown" else state
    assert pds.status() == {"did": pds.account.did, "active": False, "status": named}


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


@at_every_server
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


@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
def test_the_fake_wants_proofs_with_its_nonce_and_the_granted_scope(profile):
    with contextlib.ExitStack() as stack:
        fake = stack.enter_context(FakePds())
        fake.profile = profile
        account, key = fake.create_account("alice.test"), DpopKey.generate()
        token = fake.oauth_token(account.did, key.thumbprint, f"atproto repo:{POST}?action=create")
        pds = stack.enter_context(Caller(fake.url, account, profile))

        def write(name, nonce, used=key):
            proof = used.proof("POST", f"{fake.url}/xrpc/com.atproto.repo.{name}", nonce=nonce, access_token=token)
            return pds.post(f"repo.{name}", pds.body("3kaaaaaaaaaaa"), authorization=f"DPoP {token}", dpop=proof)

        assert said(pds.post("repo.createRecord", pds.body("3k"), token)) == (400, "InvalidToken")
        nonce = None
        if profile.nonces:
            asked = write("createRecord", None)
            assert pds.refuses(asked, "nonce", 401, "use_dpop_nonce"), asked.text
            assert 'error="use_dpop_nonce"' in asked.headers["www-authenticate"]
            nonce = asked.headers["dpop-nonce"]
        assert said(write("createRecord", nonce, DpopKey.generate())) == (401, "invalid_dpop_proof")
        assert write("createRecord", nonce).status_code == 200
        assert said(write("deleteRecord", nonce)) == (403, "ScopeMissingError")
        fake.expire_tokens()
        expired = write("createRecord", nonce)
        assert pds.refuses(expired, "oauth expired", 401, "invalid_token"), expired.text
        assert 'DPoP error="invalid_token"' in expired.headers["www-authenticate"]
