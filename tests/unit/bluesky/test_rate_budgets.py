"""Rate limits: one account is paused, or the whole server where it counts by our address."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB, answer

from elonara.bluesky import rate_budgets
from elonara.bluesky.graph.service import BlueskyGraphService, GraphUnavailable
from elonara.bluesky.models import AccountLane, MemberIdentity, PdsHost
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

PDS, ELSEWHERE = "https://pds.example", "https://elsewhere.example"


def soon(seconds=240):
    return (timezone.now() + timedelta(seconds=seconds)).replace(microsecond=0)


def headers(remaining, *, limit=5000, window=3600, resets=None):
    """As Bluesky's PDS sends them (atproto's rate limiter)."""
    moment = resets or soon()
    return {
        "ratelimit-limit": str(limit),
        "ratelimit-remaining": str(remaining),
        "ratelimit-reset": str(int(moment.timestamp())),
        "ratelimit-policy": f"{limit};w={window}",
    }


@pytest.fixture
def receive(transactional_db, monkeypatch):
    """Receives a response with rate-limit headers for alice's account."""
    monkeypatch.setattr(rate_budgets, "_syncs_rest", {})
    AccountLane.objects.create(author_did=ALICE)

    def go(status=200, did=ALICE, origin=PDS, more=None, **limits):
        class Inner:
            def observe(self, url, response):
                pass

        authorizer = rate_budgets.BudgetedAuthorizer(Inner(), did, origin)
        authorizer.observe(f"{origin}/xrpc/x", answer(status, {}, headers(**limits) | (more or {})))

    return go


def lane():
    return AccountLane.objects.get(author_did=ALICE)


def test_enough_points_cost_no_query(receive, django_assert_num_queries):
    with django_assert_num_queries(0):
        receive(remaining=5000 - rate_budgets.CREATE_POINTS)


def test_too_few_points_for_a_post_delay_posts_and_not_deletions(receive):
    resets = soon()
    receive(remaining=2, resets=resets)
    assert (lane().next_at, lane().paused_until) == (resets, None)


def test_no_points_at_all_pause_the_account(receive):
    resets = soon()
    receive(remaining=0, resets=resets)
    assert lane().paused_until == resets
    assert not PdsHost.objects.exists()


def test_an_earlier_reset_does_not_shorten_a_pause(receive):
    late = soon(3000)
    receive(remaining=0, resets=late)
    receive(remaining=0, resets=soon(60))
    assert lane().paused_until == late


def test_a_limit_by_address_pauses_the_server_while_a_tenth_is_left(receive):
    by_address = {"limit": 3000, "window": 300}
    receive(remaining=301, **by_address)
    assert not PdsHost.objects.exists()
    resets = soon(200)
    receive(remaining=299, resets=resets, **by_address)
    assert rate_budgets.origin_of("https://PDS.example/xrpc") == PDS
    assert PdsHost.objects.get().paused_until == resets
    assert (lane().next_at, lane().paused_until) == (None, None)


def test_only_accounts_of_that_server_are_paused(receive, make_member):
    for did, pds in ((ALICE, PDS), (BOB, ELSEWHERE)):
        MemberIdentity.objects.create(member=make_member(), bsky_did=did, bsky_handle="x.example", pds_url=f"{pds}/")
    assert rate_budgets.paused_until(ALICE) is None
    resets = soon()
    receive(429, remaining=0, limit=3000, window=300, resets=resets)
    assert rate_budgets.paused_until(ALICE) == resets
    assert rate_budgets.paused_until(BOB) is None
    assert rate_budgets.resume(PDS)
    assert rate_budgets.paused_until(ALICE) is None


def test_no_pause_is_longer_than_a_day(receive):
    receive(remaining=0, resets=datetime(2090, 1, 1, tzinfo=UTC))
    assert lane().paused_until <= timezone.now() + timedelta(days=1)


def test_a_reset_in_the_past_pauses_nobody(receive):
    receive(429, remaining=0, resets=timezone.now() - timedelta(minutes=1))
    assert lane().paused_until is None


def test_retry_after_is_preferred_to_a_time_by_the_servers_clock(receive):
    receive(429, remaining=0, resets=timezone.now() - timedelta(minutes=2), more={"retry-after": "240"})
    assert timedelta(seconds=230) < lane().paused_until - timezone.now() <= timedelta(seconds=240)


def test_no_pause_is_longer_than_the_window_of_the_limit(receive):
    """Our clock is an hour behind: the reset seems to be far away."""
    receive(429, remaining=0, limit=3000, window=300, resets=soon(3700))
    assert PdsHost.objects.get().paused_until <= timezone.now() + timedelta(seconds=300)


def test_rate_limits_of_reads_are_noted(connected, member, server):
    resets, serve = soon(200), server.serve_pds

    def with_headers(request):
        response = serve(request)
        limits = headers(remaining=10, limit=3000, window=300, resets=resets)
        return answer(response.status, response.body, {**response.headers, **limits})

    server.network.origins[server.pds] = with_headers
    OAuthBlueskyAgent().find_post(member.pk, ALICE, "3kabcdefghi2k")
    assert PdsHost.objects.get().paused_until == resets
    assert rate_budgets.resume(server.pds)
    with pytest.raises(GraphUnavailable, match="cannot be read"):  # this server knows no people
        BlueskyGraphService().get_followers(member.pk)
    assert PdsHost.objects.get().paused_until == resets


def test_rate_limits_of_writes_are_noted(connected, member, server):
    """The headers of a response to a call of an agent are read."""
    AccountLane.objects.create(author_did=ALICE)
    resets, serve = soon(), server.serve_pds

    def with_headers(request):
        response = serve(request)
        limits = headers(remaining=1, resets=resets)
        return answer(response.status, response.body, {**response.headers, **limits})

    server.network.origins[server.pds] = with_headers
    OAuthBlueskyAgent().delete_post(member.pk, ALICE, "3kabcdefghi2k")
    assert lane().next_at == resets


def test_syncs_leave_half_of_the_limit_by_address_to_others(receive, clock):
    resets = soon()
    receive(remaining=1600, limit=3000, window=300, resets=resets)
    assert rate_budgets.syncs_rest_until(PDS) is None
    receive(remaining=1500, limit=3000, window=300, resets=resets)
    assert rate_budgets.syncs_rest_until(PDS + "/xrpc/x") == resets
    assert rate_budgets.syncs_rest_until(ELSEWHERE) is None
    assert not PdsHost.objects.exists()
    clock.pass_(minutes=5)
    assert rate_budgets.syncs_rest_until(PDS) is None


def test_points_of_an_account_hold_up_no_sync(receive):
    receive(remaining=10)
    assert rate_budgets.syncs_rest_until(PDS) is None


def test_a_small_limit_lets_a_sync_begin(receive):
    """A PDS with a limit that is less than what we keep free is asked a little all the same."""
    receive(remaining=29, limit=30, window=60)
    assert rate_budgets.syncs_rest_until(PDS) is not None
    receive(remaining=30, limit=30, window=60)
    assert rate_budgets.syncs_rest_until(PDS) is None
