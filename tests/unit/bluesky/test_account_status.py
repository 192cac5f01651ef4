"""A refusal is looked up where the account is, whatever the server's words: moved, resting, taken down, or refused."""

import time

import pytest
from django.utils import timezone
from tests.fakes.bluesky import PDS, Bluesky
from tests.fakes.faulty_server import Call
from tests.fakes.oauth import answer
from tests.fakes.pds import FakePds

from elonara.atproto.errors import NetworkError
from elonara.bluesky import network as site_network
from elonara.bluesky.account_status import AccountStatus, look_up, of_one_operator, of_session
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.service import BlueskyGraphService
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.reasons import SENTENCES
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

NEW = "https://new.example"
POST = {"text": "You're invited", "langs": ["en"]}
RKEY = "3kznmn7xqxl22"

# How servers were read or measured to refuse an account that is not theirs any more, or rests there.
REFUSALS = {
    "deactivated (bluesky-social/atproto)": (401, "AccountDeactivated", "Account is deactivated"),
    "taken down (bluesky-social/atproto)": (401, "AccountTakedown", "Account has been taken down"),
    "not found (bluesky-social/atproto)": (403, "AccountNotFound", "Account not found"),
    "deactivated (cirrus)": (403, "AccountDeactivated", "Account is deactivated. Call activateAccount."),
    "deactivated (rsky)": (400, "InvalidRequest", "AccountDeactivated: `Account is deactivated`"),
    "not found (rsky)": (400, "InvalidRequest", "AccountNotFound: `Account not found`"),
    "moved (tranquil)": (403, "AccountMigrated", "Account has been migrated to another PDS."),
    "refused (millipds)": (401, "", "revoked token"),
    "repo deactivated": (400, "RepoDeactivated", "Repo has been deactivated"),
    "repo not found": (404, "RepoNotFound", "Could not find repo"),
    "a message alone": (400, "InvalidRequest", "Could not find repo: did:plc:any"),
    "a token of nobody": (401, "invalid_token", "Invalid token"),
    "a token that it cannot check": (400, "InvalidToken", "Token could not be verified"),
    "no words": (401, "AuthenticationRequired", ""),
}


@pytest.fixture
def sky(bluesky):
    found = Bluesky(time.time)
    found.origins["https://appview.example"] = lambda _request: answer(200, {"did": "did:plc:any", "handle": "a.b.c"})
    found.server.jwks = BlueskyOAuthService().jwks()
    with site_network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def account(sky):
    return sky.account("alice.example.com")


@pytest.fixture
def consent(sky, account, member):
    def go(purpose="connect"):
        service = BlueskyOAuthService()
        url = service.begin(purpose, account.handle, member=member, browser="hers", confirmed=True)
        return service.finish(sky.server.approve(url, account.did), browser="hers").identity

    return go


@pytest.fixture(params=["legacy", "oauth"])
def agent(request, consent, account, member):
    consent()
    app_passwords.connect(member, "", account.app_password)
    return LegacyBlueskyAgent() if request.param == "legacy" else OAuthBlueskyAgent()


@pytest.fixture
def write(agent, account, member):
    return lambda: agent.create_post_for_member(member.pk, POST, author_did=account.did, rkey=RKEY)


@pytest.fixture
def stored(agent):
    model = AppPasswordSession if isinstance(agent, LegacyBlueskyAgent) else MemberIdentity
    return model.objects.get


@pytest.fixture
def new_home(sky, account):
    """Move the account: another PDS, of another issuer, is in its DID document; the old one says what it says."""

    def go(*, issuer="https://auth.new.example", url=NEW):
        home = FakePds()
        home.url = url
        home.accounts[account.did] = account

        def serve(request):
            if request.path == "/.well-known/oauth-protected-resource":
                return answer(200, {"resource": url, "authorization_servers": [issuer]})
            home.calls.append(Call(request.method, request.url, request.headers, request.content))
            reply = home.answer(home.calls[-1])
            return answer(reply.status, reply.body, reply.headers)

        def metadata(request):
            found = sky.server.metadata()
            return answer(200, {name: _at(value, sky.server.issuer, issuer) for name, value in found.items()})

        sky.origins[url] = serve
        sky.origins.setdefault(issuer, metadata)
        sky.person(account.did, account.handle, url)
        return home

    return go


def _at(value, old, new):
    return value.replace(old, new) if isinstance(value, str) else value


@pytest.fixture
def refuse(sky):
    """Let the old PDS answer every call that needs permission in this way; `status` is what getRepoStatus says."""

    def go(answered, status=None):
        serve = sky.origins[PDS]

        def refusing(request):
            if request.path.endswith("getRepoStatus") and status is not None:
                return answer(*status)
            if "authorization" in request.headers or request.path.endswith("Session"):
                code, error, message = answered
                return answer(code, {"error": error, "message": message}, {"dpop-nonce": sky.pds.nonce})
            return serve(request)

        sky.origins[PDS] = refusing

    return go


@pytest.fixture
def afresh(sky, account, consent, member):
    """Back to an account that is at home, with a session and an app password."""
    serve = sky.origins[PDS]

    def go():
        sky.origins[PDS] = serve
        sky.person(account.did, account.handle, PDS)
        consent()
        app_passwords.connect(member, "", account.app_password)

    return go


def test_however_the_old_server_refuses_an_account_that_moved_is_told_so(sky, new_home, refuse, write, stored, afresh):
    words = {"AppPasswordSession": "app_password_moved", "MemberIdentity": "moved"}[type(stored()).__name__]
    for name, answered in REFUSALS.items():
        afresh()
        new_home()
        refuse(answered)
        result = write()
        seen = (name, result.success, result.reason, result.needs_reauth, result.ambiguous)
        assert seen == (name, False, words, True, False)
        assert stored().state_reason == "moved"
        assert "ctivate" not in result.error_message
        # She learns of both at once; and the next attempt asks no server.
        rows = [row for model in (MemberIdentity, AppPasswordSession) for row in model.objects.all()]
        assert [row.state_reason for row in rows] == ["moved", "moved"]
        before = len(sky.requests)
        assert write().reason == words
        assert len(sky.requests) == before


def test_however_an_account_that_rests_is_refused_it_waits_and_nothing_is_dropped(
    refuse, write, stored, account, afresh
):
    for name, answered in REFUSALS.items():
        for status, expected in (("deactivated", "account_deactivated"), ("suspended", "account_takendown")):
            afresh()
            refuse(answered, (200, {"did": account.did, "active": False, "status": status}))
            result = write()
            seen = (name, result.reason, result.needs_reauth, result.retryable)
            assert seen == (name, expected, False, True)
            row = stored()
            assert (row.state, row.state_reason) == ("active", "")
            assert getattr(row, "app_password_enc", "") or row.bsky_refresh_token_enc


def test_a_takedown_that_is_lifted_goes_on_with_the_same_app_password(consent, account, member, sky):
    consent()
    app_passwords.connect(member, "", account.app_password)
    sky.pds.take_down(account.did)
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    for _ in range(3):
        result = LegacyBlueskyAgent().create_post_for_member(member.pk, POST)
        assert (result.reason, result.needs_reauth) == ("account_takendown", False)
    sky.pds.take_down(account.did, applied=False)
    assert LegacyBlueskyAgent().create_post_for_member(member.pk, POST).success


def test_without_the_directory_nothing_is_concluded(refuse, write, stored, sky):
    refuse(REFUSALS["deactivated (bluesky-social/atproto)"])
    sky.origins["https://plc.example"] = lambda _request: answer(503, {})
    result = write()
    assert (result.reason, result.retryable, result.needs_reauth) == ("unreachable", True, False)
    assert stored().state == "active"


def test_a_server_that_cannot_say_how_the_account_is_is_believed(refuse, write, stored):
    refuse(REFUSALS["deactivated (bluesky-social/atproto)"], (501, {"error": "MethodNotImplemented"}))
    assert write().reason == "account_deactivated"
    assert stored().state == "active"


def test_what_is_refused_at_home_and_of_an_active_account_ends_nothing(refuse, write, stored):
    refuse(REFUSALS["a token of nobody"])
    result = write()
    app_password = isinstance(stored(), AppPasswordSession)  # not the password was refused
    assert (result.reason, result.needs_reauth) == ("server" if app_password else "token_refused", False)
    assert stored().state == "active"


def test_a_move_within_one_authorization_server_asks_nobody(new_home, sky, refuse, consent, account, member):
    consent()
    write = lambda: OAuthBlueskyAgent().create_post_for_member(member.pk, POST)  # noqa: E731
    home = new_home(issuer=sky.server.issuer)
    refuse(REFUSALS["not found (bluesky-social/atproto)"])
    first = write()
    assert (first.reason, first.retryable, first.needs_reauth) == ("busy", True, False)
    stored = MemberIdentity.objects.get()
    assert (stored.state, stored.pds_url) == ("active", NEW)
    # The servers of one operator share accounts and keys.
    home._dpop, home.accounts = sky.pds._dpop, sky.pds.accounts
    assert write().success
    assert [key[0] for key in home.records] == [account.did]


def test_an_app_password_goes_along_among_the_servers_of_one_operator(new_home, sky, refuse, consent, account, member):
    consent()
    app_passwords.connect(member, "", account.app_password)
    before, after = "https://one.east.host.net.example", "https://two.west.host.net.example"
    home = new_home(issuer=sky.server.issuer, url=after)
    refuse(REFUSALS["not found (bluesky-social/atproto)"])
    sky.origins[before] = sky.origins[PDS]
    AppPasswordSession.objects.update(pds_url=before)
    MemberIdentity.objects.update(pds_url=before)
    home.accounts, home._dpop = sky.pds.accounts, sky.pds._dpop
    agent = LegacyBlueskyAgent()
    first = agent.create_post_for_member(member.pk, POST)
    assert (first.reason, first.retryable, first.needs_reauth) == ("busy", True, False)
    assert AppPasswordSession.objects.get().pds_url == after


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://morel.us-east.host.bsky.network", "https://x.us-west.host.bsky.network/", True),
        ("https://a.host.example", "https://b.host.example", False),  # anybody may have a name in `host.example`
        ("https://a.host.bsky.network", "https://host.bsky.network.evil.example", False),
        ("https://a.host.bsky.network", "https://host.bsky.network@evil.example", False),
        ("https://a.host.bsky.network", "https://b.XHOST.bsky.network", False),
        ("https://a.host.bsky.network", "", False),
    ],
)
def test_servers_of_one_operator(one, other, expected):
    assert of_one_operator(one, other) is expected


@pytest.mark.promise("own-server")
@pytest.mark.parametrize(
    "home_url", [NEW, "https://pds.example.attacker.example", "https://x.pds.example", "https://host.example"]
)
def test_a_server_that_names_the_same_authorization_server_gets_no_app_password(
    new_home, sky, refuse, consent, account, member, home_url
):
    consent()
    app_passwords.connect(member, "", account.app_password)
    home = new_home(issuer=sky.server.issuer, url=home_url)
    refuse(REFUSALS["not found (bluesky-social/atproto)"])
    agent = LegacyBlueskyAgent()
    for _ in range(3):
        result = agent.create_post_for_member(member.pk, POST)
    assert (result.reason, result.needs_reauth) == ("app_password_moved", True)
    assert not [call for call in home.calls if call.method == "POST" or "authorization" in call.headers]


@pytest.mark.promise("own-server")
def test_the_app_password_is_not_sent_to_another_server(new_home, write, agent, account, refuse):
    home = new_home()
    refuse(REFUSALS["a token that it cannot check"])
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    write()
    assert not [call for call in home.calls if call.method == "POST"]
    assert not [call for call in home.calls if account.app_password.encode() in call.content]


def test_a_session_that_is_not_active_is_read(consent, account, member, sky, new_home):
    consent()
    app_passwords.connect(member, "", account.app_password)
    account.state = "deactivated"
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    writes = len(sky.sent("createRecord"))
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, POST)
    assert (result.reason, result.retryable) == ("account_deactivated", True)
    assert len(sky.sent("createRecord")) == writes  # not even tried
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    new_home()
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, POST)
    assert (result.reason, result.needs_reauth) == ("app_password_moved", True)
    assert AppPasswordSession.objects.get().access_jwt_enc == ""


def test_the_graph_finds_out_about_a_move(consent, new_home, refuse, member):
    consent()
    new_home()
    refuse(REFUSALS["deactivated (bluesky-social/atproto)"])
    assert BlueskyGraphService()._viewer(member.pk).auth is not None
    with pytest.raises(GraphUnavailable):
        # The fake AppView answers no list; what matters is that the session is over.
        BlueskyGraphService().get_followers(member.pk)
    assert MemberIdentity.objects.get().state_reason == "moved"


def test_the_graph_of_an_account_that_was_taken_down_says_so(consent, account, refuse, member):
    consent()
    refuse(
        REFUSALS["taken down (bluesky-social/atproto)"],
        (200, {"did": account.did, "active": False, "status": "takendown"}),
    )
    with pytest.raises(GraphUnavailable) as unavailable:
        BlueskyGraphService().get_followers(member.pk)
    assert unavailable.value.reason == "account_takendown"
    assert MemberIdentity.objects.get().state == "active"


def test_a_new_app_password_goes_to_the_new_home_although_the_old_one_was_just_resolved(
    consent, account, member, new_home
):
    consent()
    site_network.resolver().resolve(account.did)
    new_home()
    assert app_passwords.connect(member, "", account.app_password).pds_url == NEW


def test_reauthorizing_leads_to_the_new_home_although_the_old_one_was_just_resolved(consent, account, new_home, sky):
    consent()
    site_network.resolver().resolve(account.did)
    new_home()
    sky.origins["https://auth.new.example"] = lambda _request: answer(500, {})
    with pytest.raises(Exception, match="server"):
        consent("reauthorize")
    assert [request.url for request in sky.requests if "new.example" in request.url]


@pytest.mark.parametrize("state", ["deactivated", "takendown"])
def test_a_hidden_repository_is_no_proof_that_a_post_is_absent(consent, account, member, sky, state):
    consent()
    agent = OAuthBlueskyAgent()
    assert agent.create_post_for_member(member.pk, POST, rkey=RKEY).success
    kept, sky.pds.records = sky.pds.records, {}
    account.state = state
    found = agent.find_post(member.pk, account.did, RKEY)
    assert (found.absent, found.retryable) == (False, True)
    assert found.reason == {"deactivated": "account_deactivated", "takendown": "account_takendown"}[state]
    account.state, sky.pds.records = "active", kept
    assert agent.find_post(member.pk, account.did, RKEY).success


@pytest.mark.parametrize(
    ("active", "status", "expected"),
    [
        (True, None, AccountStatus.ACTIVE),
        (True, "takendown", AccountStatus.ACTIVE),
        (None, None, AccountStatus.UNTOLD),
        ("false", "takendown", AccountStatus.UNTOLD),
        (False, "takendown", AccountStatus.TAKENDOWN),
        (False, "suspended", AccountStatus.TAKENDOWN),
        (False, "takedown", AccountStatus.TAKENDOWN),  # rsky
        (False, "deleted", AccountStatus.GONE),
        (False, None, AccountStatus.DEACTIVATED),
        (False, {"a": 1}, AccountStatus.DEACTIVATED),
        (False, "a word of next year", AccountStatus.DEACTIVATED),
    ],
)
def test_what_a_session_says_of_its_account(active, status, expected):
    assert of_session(active=active, status=status) is expected


def test_where_an_account_is(sky, account):
    assert look_up(account.did, PDS + "/").status is AccountStatus.ACTIVE
    assert look_up(account.did, NEW).status is AccountStatus.MOVED
    assert look_up("did:plc:nnnnnnnnnnnnnnnnnnnnnnnn", PDS).status is AccountStatus.GONE
    sky.origins[PDS] = lambda _request: answer(200, {"did": "", "active": True})  # cocoon, of nobody
    assert look_up(account.did, PDS).status is AccountStatus.UNTOLD
    sky.origins[PDS] = _down
    assert look_up(account.did, PDS).status is AccountStatus.UNREACHABLE
    sky.documents[account.did]["service"] = []
    assert look_up(account.did, PDS).status is AccountStatus.UNTOLD


def _down(_request):
    raise NetworkError("down", ambiguous=False)


def test_nobody_is_told_to_activate_an_account():
    assert not [code for code, sentence in SENTENCES.items() if "ctivate " in sentence or "ctivate." in sentence]
