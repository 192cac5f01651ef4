"""The one exception to "no write uses an OAuth token in legacy mode": a consenting member without app passwords."""

import time

import pytest
from tests.fakes.bluesky import Bluesky

from elonara.bluesky import hooks
from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.app_password.app_passwords import AppPasswordRefused
from elonara.bluesky.app_password.refusals import KNOWS_NO_APP_PASSWORDS, NOT_THE_MAIN_ONE
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.identity.oauth_posting import ConsentRefused
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.sealed_columns import unsealed
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.config.options import Writes
from elonara.options import Relay

POST = {"text": "Hello", "langs": ["en"]}
MODES = pytest.mark.parametrize("mode", ["legacy", "oauth"])
WITHOUT_THEM = pytest.mark.parametrize("kind", ["full", "none"])


@pytest.fixture
def world(bluesky):
    bluesky(writes=Writes(mode="legacy"))
    found = Bluesky(time.time)
    with site_network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def connect_as(world):
    """Connect a member: `connect_as(member, "alice.example.com")`, which creates the account."""

    def go(member, handle, account=None):
        account = account or world.account(handle)
        service = BlueskyOAuthService()
        url = service.begin("connect", account.handle, member=member, browser="hers", confirmed=True)
        service.finish(world.server.approve(url, account.did), browser="hers")
        return account

    return go


@pytest.fixture
def account(connect_as, member):
    return connect_as(member, "alice.example.com")


def refused(member, password):
    with pytest.raises(AppPasswordRefused) as found:
        app_passwords.connect(member, "", password)
    assert not AppPasswordSession.objects.filter(member=member).exists()
    return found.value


@pytest.fixture
def without(world, account, member):
    """Her server knows no app passwords, and has shown it."""
    world.pds.app_passwords = "full"
    refused(member, account.app_password)
    return account


@pytest.fixture
def consented(without, member):
    oauth_posting.consent(member, without.did)
    return without


def written(world):
    """The scheme of each write so far."""
    requests = [one for name in ("createRecord", "deleteRecord", "uploadBlob") for one in world.sent(name)]
    return [one.headers["authorization"].partition(" ")[0] for one in requests]


def post(member, **options):
    return BlueskyAgentFactory.make(member.pk).create_post_for_member(member.pk, POST, **options)


@pytest.mark.promise("no-main-password")
@WITHOUT_THEM
def test_nobody_is_accused_where_the_server_opens_everything_with_any_password(world, account, member, kind):
    world.pds.app_passwords = kind
    fault = refused(member, account.app_password if kind == "full" else account.password)
    assert (fault.reason, fault.sentence) == ("no_app_passwords", KNOWS_NO_APP_PASSWORDS)
    assert len(world.sent("deleteSession")) == len(world.sent("createSession")) == 1


def test_the_main_password_is_called_so_where_there_are_app_passwords(world, account, member):
    fault = refused(member, account.password)
    assert (fault.reason, fault.sentence) == ("main_password", NOT_THE_MAIN_ONE)
    assert not oauth_posting.knows_no_app_passwords(MemberIdentity.objects.get())


def test_a_server_that_cannot_be_asked_accuses_nobody_and_proves_nothing(world, account, member):
    world.moods["createAppPassword"].append("502")
    assert refused(member, account.password).reason == "unreachable"
    assert not MemberIdentity.objects.get().full_access_pds


def test_a_code_by_email_is_no_sign_of_the_main_password_where_there_is_no_other(world, account, member):
    account.email_code = "123"
    assert refused(member, account.password).reason == "email_code"
    world.pds.app_passwords = "none"
    assert refused(member, account.password).reason == "no_app_passwords"


def test_without_consent_there_is_the_ready_text(world, without, member):
    ready = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.reason) == (False, "compose", "no_app_passwords")
    result = post(member, author_did=without.did)
    assert (result.success, result.needs_reauth, result.reason) == (False, True, "no_app_passwords")
    assert written(world) == []


def test_with_consent_her_posts_go_by_oauth_from_her_own_account(world, consented, member, hook_calls):
    ready = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    assert (ready.can_post, ready.backend, ready.author_did) == (True, "oauth", consented.did)
    agent = BlueskyAgentFactory.make(member.pk)
    made = post(member)
    assert agent.upload_image(member.pk, consented.did, b"\x89PNG", "image/png").success
    assert agent.delete_post(member.pk, consented.did, made.uri.rsplit("/", 1)[1]).success
    assert set(written(world)) == {"DPoP"}
    assert world.pds.records == {}


@pytest.mark.promise("credentials-apart")
def test_nobody_elses_posts_do(world, consented, member, make_member, connect_as):
    other = make_member()
    hers = connect_as(other, "bea.example.com")
    assert post(other, author_did=hers.did).reason == "app_password_missing"
    # Nor hers in another's name, in either direction.
    assert post(member, author_did=hers.did).reason == "other_author"
    assert post(other, author_did=consented.did).reason == "other_author"
    world.pds.app_passwords = "scoped"
    app_passwords.connect(other, "", hers.app_password)
    assert post(other).success
    assert written(world) == ["Bearer"]


def test_an_agent_for_no_member_in_particular_writes_for_nobody_by_oauth(world, consented, member):
    result = BlueskyAgentFactory.make().create_post_for_member(member.pk, POST)
    assert (result.success, result.reason) == (False, "no_app_passwords")
    assert written(world) == []


@pytest.mark.promise("credentials-apart")
def test_withdrawn_between_two_posts_nothing_more_is_written(world, consented, member):
    kept = BlueskyAgentFactory.make(member.pk)  # a worker's, made before she withdrew
    made = post(member)
    assert oauth_posting.withdraw(member)
    before = written(world)
    for agent in (kept, BlueskyAgentFactory.make(member.pk)):
        result = agent.create_post_for_member(member.pk, POST, author_did=consented.did)
        assert (result.success, result.needs_reauth, result.reason) == (False, True, "no_app_passwords")
        assert not agent.delete_post(member.pk, consented.did, made.uri.rsplit("/", 1)[1]).success
        assert not agent.upload_image(member.pk, consented.did, b"\x89PNG", "image/png").success
    assert written(world) == before


@pytest.mark.promise("credentials-apart")
@pytest.mark.parametrize("when", ["nonce", "expired"])
def test_withdrawn_in_the_middle_of_a_post_no_second_request_is_sent(world, consented, member, when):
    assert post(member).success
    if when == "nonce":
        world.change_nonces()
    else:
        world.pds.expired_before = time.time() + 0.001
        time.sleep(0.002)
    sent = len(world.sent("createRecord"))
    serve = world.origins["https://pds.example"]

    def withdrawing(request):
        oauth_posting.withdraw(member)
        return serve(request)

    world.origins["https://pds.example"] = withdrawing
    result = post(member)
    assert (result.success, result.ambiguous, result.reason) == (False, False, "no_app_passwords")
    assert len(world.sent("createRecord")) == sent + 1
    assert len(world.pds.records) == 1


def test_a_post_whose_outcome_is_unknown_can_still_be_looked_up(world, consented, member):
    key = "3kznmn7xqxl22"
    world.moods["createRecord"].append("lost")
    assert post(member, author_did=consented.did, rkey=key).ambiguous
    oauth_posting.withdraw(member)
    assert BlueskyAgentFactory.make(member.pk).find_post(member.pk, consented.did, key).success


@MODES
def test_the_mode_decides_for_everybody_else_and_for_her(world, consented, member, bluesky, mode):
    bluesky(writes=Writes(mode=mode))
    assert post(member).success
    oauth_posting.withdraw(member)
    assert post(member).success == (mode == "oauth")


def test_the_relay_never_posts_for_her_unexpectedly(world, consented, member, bluesky, monkeypatch):
    relay = world.account("site.example.com")
    bluesky(relay=Relay(identifier=relay.handle, app_password=relay.app_password))
    monkeypatch.setattr(hooks, "_relay_policy", lambda member_id: "")
    world.pds.app_passwords = "scoped"
    app_passwords.relay_session()
    ready = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    assert (ready.voice, ready.author_did) == ("host", consented.did)
    # What was attempted from the relay before stays the relay's, and goes by its app password.
    assert post(member, author_did=relay.did).success
    world.revoke_sessions()
    result = post(member, author_did=consented.did)
    assert (result.needs_reauth, result.reason) == (True, "revoked")
    ready = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.author_did) == (False, "compose", consented.did)
    oauth_posting.withdraw(member)
    assert post(member, author_did=consented.did).reason == "no_app_passwords"
    assert {did for did, _, _ in world.pds.records} == {relay.did}
    assert written(world).count("Bearer") == 1


@pytest.mark.parametrize("what", ["another server", "disconnect", "app password"])
def test_consent_ends_with_its_reason(world, consented, member, what):
    if what == "another server":
        MemberIdentity.objects.update(pds_url="https://new.example")
        oauth_posting.note_full_access(MemberIdentity.objects.get(), "https://new.example")
    elif what == "disconnect":
        BlueskyOAuthService().disconnect(member)
    else:
        world.pds.app_passwords = "scoped"
        app_passwords.connect(member, "", consented.app_password)
    assert not oauth_posting.has_consented(member.pk)
    assert not oauth_posting.withdraw(member)


def test_consent_is_hers_alone_for_the_account_that_she_saw(world, without, member, make_member, connect_as):
    other = make_member()
    with pytest.raises(ConsentRefused) as refusal:
        oauth_posting.consent(other, without.did)
    assert refusal.value.reason == "not_connected"
    hers = connect_as(other, "bea.example.com")
    for did, reason in ((without.did, "other_account"), ("", "other_account"), (hers.did, "app_passwords_work")):
        with pytest.raises(ConsentRefused) as refusal:
            oauth_posting.consent(other, did)
        assert refusal.value.reason == reason
    member.standing = "suspended"
    with pytest.raises(ConsentRefused) as refusal:
        oauth_posting.consent(member, without.did)
    assert refusal.value.reason == "suspended"
    assert not MemberIdentity.objects.exclude(posts_by_oauth_since=None).exists()


def test_consent_twice_is_one_and_what_waited_goes_on(world, without, member, hook_calls):
    first = oauth_posting.consent(member, without.did).posts_by_oauth_since
    assert oauth_posting.consent(member, without.did).posts_by_oauth_since == first
    assert ("on_ready", member.pk, without.did) in hook_calls


def test_the_session_must_have_the_permission_to_post(world, consented, member):
    MemberIdentity.objects.update(bsky_scope="atproto")
    ready = BlueskyAgentFactory.make(member.pk).readiness(member.pk)
    assert (ready.can_post, ready.reason) == (False, "scope_missing")
    assert post(member).reason == "scope_missing"
    assert written(world) == []


@pytest.mark.promise("no-main-password")
@pytest.mark.parametrize("refresh", [True, False])
def test_a_server_that_begins_to_open_everything_is_given_the_password_once(
    world, account, member, hook_calls, refresh
):
    app_passwords.connect(member, "", account.app_password)
    world.pds.app_passwords = "full"
    if not refresh:
        world.pds.revoke_app_password(account.did)
        account.app_password = unsealed(AppPasswordSession.objects.get(), "app_password_enc").reveal()
        world.pds._revoked.clear()
        AppPasswordSession.objects.update(refresh_jwt_enc="")
    AppPasswordSession.objects.update(access_expires_at=None)
    asked = len(world.sent("createSession"))
    for _ in range(3):
        result = post(member)
        assert (result.success, result.needs_reauth, result.reason) == (False, True, "no_app_passwords")
    assert len(world.sent("createSession")) == asked + 1
    row = AppPasswordSession.objects.get()
    assert (row.state, row.access_jwt_enc, row.refresh_jwt_enc) == ("refused", "", "")
    assert written(world) == []
    oauth_posting.consent(member, account.did)
    assert post(member).success
    assert set(written(world)) == {"DPoP"}
