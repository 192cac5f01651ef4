"""No secret shows anywhere: the whole story on the real network, both write modes, and all that goes wrong."""

import json
import secrets as chance
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from tests.contract.secrets import listening

from elonara import jobs
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import client_keys
from elonara.events.models import Event
from elonara.invitations.models import Invitation
from elonara.members import actions as members
from elonara.members.models import Member

CREATE, UPLOAD = "com.atproto.repo.createRecord", "com.atproto.repo.uploadBlob"
SITE = "https://elonara.atnet.dev"


class Story:
    """Alice and the others, by the pages and the API of the site."""

    def __init__(self, hunt, network, browser, point_at, look, site_url="http://127.0.0.1:8000"):
        self.hunt, self.network, self._browser, self._point_at, self.look = hunt, network, browser, point_at, look
        self.settings = {"ELONARA_SITE__URL": site_url}
        self.mode("legacy")
        listening.keep_keys_of_the_site(hunt)

    def mode(self, mode):
        self._point_at(self.network, ELONARA_BLUESKY__WRITES__MODE=mode, **self.settings)

    def open(self, who):
        return self._browser(who)

    def password(self, name):
        made = chance.token_urlsafe(18)
        self.hunt.keep(f"{name}'s password on the site", made)
        return made

    def first_operator(self):
        token = members.first_run_link().rpartition("/")[2]
        self.hunt.keep("first-run link", token)
        page, form = self.open("operator"), {"username": "olga", "password": self.password("olga")}
        assert page.get(f"/first-run/{token}").status_code == 200
        assert page.post(f"/first-run/{token}", form | {"password": "short"}).status_code == 200
        assert page.post(f"/first-run/{token}", form).status_code == 302
        return page

    def sign_up(self, name):
        page, password = self.open(name), self.password(name)
        answer = page.post("/accounts/signup/", {"username": name, "password1": password, "email": ""})
        assert answer.status_code == 302, answer.content
        return page, password

    def consent(self, page, begun, account, **wish):
        """Through the server's own page and back; the callback is answered by the site."""
        assert begun.status_code == 302, begun.content
        self.hunt.keep("password of the account", account.password)
        back = urlsplit(self.network.approve(begun["Location"], account.handle, account.password, **wish))
        return page.get(f"{back.path}?{back.query}"), f"{back.path}?{back.query}"

    def connect(self, page, account, **wish):
        return self.consent(page, page.post("/auth/bluesky/connect", {"handle": account.handle}), account, **wish)

    def app_password(self, page, account, password):
        self.hunt.keep("app password", password)
        return page.post("/connect/bluesky", {"identifier": account.handle, "app_password": password})

    def token(self, name, password, *, status=201):
        program = self.open(f"{name}'s program")
        form = json.dumps({"username": name, "password": password})
        answer = program.post("/api/v1/tokens", form, "application/json")
        assert answer.status_code == status, answer.content
        if status == 201:
            self.hunt.keep("Elonara token", answer.json()["access_token"], meant_for="answers:POST /api/v1/tokens")
            program.defaults["HTTP_AUTHORIZATION"] = f"Bearer {answer.json()['access_token']}"
        return program

    def see(self, page, *paths):
        seen = {path: page.get(path).status_code for path in paths}
        assert set(seen.values()) == {200}, seen

    def call(self, program, method, path, body=None, *, status=200):
        more = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(program, method)(f"/api/v1{path}", **more)
        assert answer.status_code == status, answer.content
        return answer.json()


@pytest.fixture
def begin(hunt, browser, point_at, look):
    return lambda network, **wish: Story(hunt, network, browser, point_at, look, **wish)


def silently(work):
    """Do it; what it raises is listened to elsewhere."""
    try:
        work()
    except Exception:  # noqa: BLE001
        listening.logging.getLogger("elonara.tests").exception("a worker stumbled")


@pytest.mark.promise("nothing-shown")
@pytest.mark.usefixtures("clock")
def test_no_secret_shows_anywhere(begin, hunt, network, listen_on, faults, account, forty, clock):
    http = listen_on(network)
    story = begin(network)
    olga = story.first_operator()
    alice, password = story.sign_up("alice")

    # Connecting: denied, begun and left, taken to another browser, done, and tried again with the same address.
    story.connect(alice, account, deny=True)
    begun = alice.post("/auth/bluesky/connect", {"handle": account.handle})
    assert AuthorizationRequest.objects.exists()
    story.look()
    stranger = story.open("stranger")
    assert story.consent(stranger, begun, account)[0].status_code == 400
    answer, address = story.connect(alice, account)
    assert (answer.status_code, answer["Location"]) == (302, "/profile/edit")
    assert alice.get(address).status_code in {302, 400}
    alice.get(
        "/auth/bluesky/callback?code=made-up-by-somebody&state=made-up-by-somebody&iss=https%3A%2F%2Fevil.example"
    )
    # A link that no form began, which asks first: tokens wait sealed in the trip.
    walter, _ = story.sign_up("walter")
    other = network.create_account()
    answer, _ = story.consent(walter, walter.get("/auth/bluesky/start", {"handle": other.handle}), other)
    assert answer["Location"].startswith("/auth/bluesky/confirm/")
    walter.get(answer["Location"])
    story.look()
    walter.post(answer["Location"], {"act": "decline"})
    # Signing in to invite people: tokens wait for an account, and are kept by the button that says so.
    nora, hers = story.open("nora"), network.create_account()
    start = nora.get("/auth/bluesky/start", {"handle": hers.handle, "to": "invite"})
    assert story.consent(nora, start, hers)[0]["Location"] == "/auth/bluesky/new"
    nora.get("/auth/bluesky/new")
    story.look()
    nora.post("/auth/bluesky/new", {"did": hers.did, "act": "connect"})
    assert MemberIdentity.objects.get(bsky_did=hers.did).state == "active"
    story.look()
    nora.post("/disconnect/bluesky")

    # App passwords: a wrong one, the main one, the right one.
    assert story.app_password(alice, account, "qwer-tzui-asdf-ghjk").status_code == 400
    assert story.app_password(alice, account, account.password).status_code == 400
    faults({"match": "createSession", "kind": "status", "status": 500, "body": {"error": "InternalServerError"}})
    assert story.app_password(alice, account, account.app_password).status_code == 400
    faults()
    assert story.app_password(alice, account, account.app_password).status_code == 302
    story.look()

    # A program of hers.
    story.token("alice", "not her password at all", status=401)
    program = story.token("alice", password)
    story.call(program, "get", "/me")
    http.break_at = "app.bsky.graph.getFollows"
    story.call(program, "post", "/me/bluesky/sync", status=202)
    silently(jobs.drain)
    http.break_at = ""
    StoredGraph.objects.update(state="running", due_at=timezone.now())
    jobs.drain()
    story.call(program, "get", "/me/bluesky/sync")
    story.call(program, "get", "/me/bluesky/follows?limit=20")
    starts = (timezone.now() + timedelta(days=30)).isoformat()
    made = story.call(
        program, "post", "/events", {"title": "Picnic", "starts_at": starts, "timezone": "UTC"}, status=201
    )
    place = f"/events/{made['slug']}"
    choice = {"dids": [one.did for one in forty[:3]]}
    story.call(program, "post", f"{place}/invitations/preview", choice)
    http.break_at = "app.bsky.actor.getProfiles"
    story.call(program, "post", f"{place}/invitations/preview", {"dids": [forty[9].did]}, status=500)
    http.break_at = ""
    assert alice.get(f"{place}/manage?tab=invite&list=follows").status_code == 200
    story.call(program, "post", f"{place}/invitations", choice, status=202)

    # Delivery, by app password: a server that refuses with its own words, a lost answer, a fault of ours.
    faults(
        {
            "match": CREATE,
            "kind": "status",
            "status": 401,
            "body": {"error": "ExpiredToken", "message": "x"},
            "times": 1,
        }
    )
    jobs.drain()
    faults({"match": CREATE, "kind": "drop-after", "times": 1})
    clock.pass_(seconds=90)
    jobs.drain()
    faults()
    http.break_at = CREATE
    clock.pass_(minutes=5)
    silently(jobs.drain)
    http.break_at = ""
    for _ in range(8):
        clock.pass_(minutes=5)
        jobs.drain()
    assert Invitation.objects.filter(state="sent").count() == 3
    story.look()

    # Delivery by OAuth: a refresh that works, and the same faults.
    story.mode("oauth")
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    story.call(program, "post", f"{place}/invitations", {"dids": [one.did for one in forty[3:5]]}, status=202)
    faults({"match": CREATE, "kind": "status", "status": 401, "body": {"error": "invalid_token"}, "times": 1})
    jobs.drain()
    faults()
    http.break_at = CREATE
    clock.pass_(minutes=5)
    silently(jobs.drain)
    http.break_at = ""
    for _ in range(8):
        clock.pass_(minutes=5)
        jobs.drain()
    assert Invitation.objects.filter(state="sent").count() == 5
    story.look()

    # An invited person, who shows who she is; and everything that alice and the operator can look at.
    invited, row = forty[0], Invitation.objects.get(invitee_did=forty[0].did)
    guest = story.open("guest")
    answer = guest.post(f"/i/{row.ref}", {"answer": "going", "plus_ones": "0", "handle": invited.handle})
    story.consent(guest, answer, invited)
    story.see(
        guest, "/", f"/i/{row.ref}", "/invitations", "/about", "/oauth/oauth-client-metadata.json", "/oauth/jwks.json"
    )
    picnic = Event.objects.get()
    tabs = ("overview", "guests", "invite", "settings")
    steps = [f"/events/{picnic.slug}/manage?tab={tab}" for tab in tabs]
    steps += [f"/events/{picnic.slug}/manage?tab=invite&step={step}" for step in ("pick", "check", "watch")]
    profile = [f"/profile/edit?tab={tab}" for tab in ("bluesky", "about", "signin", "invitations")]
    assert alice.post(f"{steps[-3]}", {"did": [forty[20].did], "go": "next"}).status_code == 302
    story.see(alice, "/", "/profile", "/accounts/sessions/", place, *profile, *steps)
    identity = MemberIdentity.objects.get(member__username="alice")
    models = ("member", "invitation", "announcement", "memberidentity", "event", "hostsending")
    things = [f"{thing._meta.model_name}/{thing.pk}/change" for thing in (identity, row, identity.member)]
    story.see(olga, *(f"/admin/elonara/{page}/" for page in (*models, *things)))
    story.call(program, "get", f"{place}/invitations")
    story.call(program, "post", f"/invitations/{row.pk}/undo")
    jobs.drain()

    # The session is lost on the way; alice is told, and gives the permission again.
    faults({"match": "oauth/token", "kind": "drop-after", "times": 1})
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    story.call(program, "post", f"{place}/invitations/preview", {"dids": [forty[10].did]}, status=503)
    faults()
    clock.pass_(minutes=5)
    story.call(program, "post", f"{place}/invitations/preview", {"dids": [forty[11].did]})
    assert MemberIdentity.objects.get(member__username="alice").state == "needs_reauth"
    alice.get("/profile/edit")
    answer, _ = story.consent(alice, alice.post("/auth/bluesky/reauthorize"), account)
    assert MemberIdentity.objects.get(member__username="alice").state == "active"
    story.look()

    # Tokens that are none; a new password; signing in by Bluesky; the end.
    broken = story.open("somebody")
    for token in ("nonsense", program.defaults["HTTP_AUTHORIZATION"][7:-4]):
        assert broken.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    member = Member.objects.get(username="alice")
    again = story.open("alice, again")
    story.consent(again, again.get("/auth/bluesky/start", {"handle": account.handle}), account)
    faults({"match": "oauth/revoke", "kind": "status", "status": 500})
    assert again.post("/disconnect/bluesky").status_code == 302
    faults()
    members.end_sessions(member)
    story.call(program, "get", "/me", status=401)
    story.look()

    assert {
        "OAuth access token", "OAuth refresh token", "OAuth state", "OAuth code", "PKCE verifier",
        "sealed dpop_key_enc", "app password", "app-password session JWT", "Elonara token", "first-run link",
        "password of the account", "alice's password on the site", "key of the site", "sealing key", "session cookie",
    } <= hunt.names()  # fmt: skip
    assert {
        "rows", "sessions", "log", "traceback", "exceptions", "answers", "what objects print", "stderr",
        "addresses asked",
    } <= hunt.channels()  # fmt: skip
    assert len(hunt.secrets) > 60
    assert hunt.leaks() == set()


def test_a_public_sites_keys_show_nowhere_either(begin, hunt, split_network, listen_on, httpserver, look):
    """A confidential client: its assertions and the keys that sign them."""
    listen_on(split_network)
    split_network.hostmap({SITE: httpserver.url_for("").rstrip("/")})
    story, service = begin(split_network, site_url=SITE), BlueskyOAuthService()

    def publish():
        httpserver.clear()
        httpserver.expect_request("/oauth/oauth-client-metadata.json").respond_with_json(service.client_metadata())
        httpserver.expect_request("/oauth/jwks.json").respond_with_json(service.jwks())
        split_network.forget_client(f"{SITE}/oauth/oauth-client-metadata.json", f"{SITE}/oauth/jwks.json")

    publish()
    account = split_network.create_account()
    password = story.password("alice")
    Member.objects.create_user("alice", password=password)
    alice = story.open("alice")
    assert alice.post("/accounts/login/", {"login": "alice", "password": password}).status_code == 302
    answer, _ = story.connect(alice, account)
    assert answer["Location"] == "/profile/edit"
    story.look()
    client_keys.rotate()
    publish()
    for page in ("/oauth/jwks.json", "/oauth/oauth-client-metadata.json", "/profile/edit"):
        alice.get(page)
    # The server no longer knows the key: the next refresh is refused with its own words.
    httpserver.clear()
    httpserver.expect_request("/oauth/oauth-client-metadata.json").respond_with_json(service.client_metadata())
    httpserver.expect_request("/oauth/jwks.json").respond_with_json({"keys": []})
    split_network.forget_client(f"{SITE}/oauth/oauth-client-metadata.json", f"{SITE}/oauth/jwks.json")
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    program = story.token("alice", password)
    program.post("/api/v1/me/bluesky/sync")
    silently(jobs.drain)
    publish()
    alice.post("/disconnect/bluesky")
    story.look()
    assert {"sealed key_enc", "client assertion", "sealed dpop_key_enc"} <= hunt.names()
    assert hunt.leaks() == set()
