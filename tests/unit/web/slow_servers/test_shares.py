"""Nobody takes all places at slow servers: each member and each network has a share."""

import threading
import time

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.networks import network_of
from elonara.web import concurrency


class TestShares:
    def limit(self, **changes):
        return concurrency.ConcurrencyLimit(max_waiting=0, kept_free=concurrency.KEPT_FREE, **changes)

    def test_three_networks_cannot_keep_others_out(self):
        limit = self.limit()
        for network in ["a", "b", "c"] * 4:
            try:
                limit.take(f"network:{network}")
            except concurrency.TooManyConcurrentRequests:
                continue
        with limit.slot("network:d"):
            pass

    def test_one_member_has_one_share_whatever_her_networks(self):
        limit, held = self.limit(), 0
        for number in range(9):
            try:
                limit.take("member:1", f"network:{number}")
            except concurrency.TooManyConcurrentRequests:
                continue
            held += 1
        assert held <= concurrency.MAX_PER_VISITOR
        with limit.slot("member:2", "network:z"):
            pass

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
            ("192.0.2.1", "192.0.2.2", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("::ffff:192.0.2.1", "::ffff:203.0.113.9", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
        ],
    )
    def test_networks(self, one, other, same):
        assert (network_of(one) == network_of(other)) is same

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "nonsense"])
    def test_this_machine_is_everybody_at_once(self, address):
        assert network_of(address) == ""

    def test_few_threads_wait_for_a_place(self):
        limit = concurrency.ConcurrencyLimit(max_concurrent=1, max_wait_seconds=5, max_waiting=1)
        release = limit.take("network:a")
        got = []
        waiting = threading.Thread(target=lambda: got.append(limit.take("network:b")))
        waiting.start()
        time.sleep(0.1)
        with pytest.raises(concurrency.TooManyConcurrentRequests):
            limit.take("network:c")
        release()
        waiting.join(5)
        assert len(got) == 1

    def test_the_api_has_the_same_places(self, connected, server, ask_by_api, monkeypatch):
        MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() + timezone.timedelta(hours=1))
        monkeypatch.setattr(
            concurrency, "visitor_named_servers", concurrency.ConcurrencyLimit(max_concurrent=0, max_waiting=0)
        )
        response = ask_by_api(connected)
        assert (response.status_code, response.json()["code"]) == (503, "graph_unavailable")
        assert concurrency.TooManyConcurrentRequests.sentence in response.json()["detail"]

    def test_a_place_is_given_back(self, connected, server, ask_by_api):
        for _ in range(concurrency.MAX_CONCURRENT * 3):
            ask_by_api(connected)
        assert not concurrency.visitor_named_servers._held
        assert not concurrency.background._held
