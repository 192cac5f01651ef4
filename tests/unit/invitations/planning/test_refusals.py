"""Sends that are refused as a whole."""

from datetime import timedelta

import pytest

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.writing.agent import Readiness
from elonara.communities import memberships
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import InvitationRefused


def refused(send, *args, **options):
    with pytest.raises(InvitationRefused) as caught:
        send(*args, **options)
    return caught.value.code


class TestRefusals:
    def test_only_those_who_run_it_may(self, picnic, bakers, make_member, send):
        zoe = make_member("zoe", "did:plc:zoe")
        memberships.join(bakers, member=zoe)
        assert refused(send, picnic, "bob", host=zoe) == "not_allowed"
        assert refused(send, bakers, "bob", host=zoe) == "not_allowed"

    def test_nobody_chosen(self, picnic, send):
        assert refused(send, picnic) == "nobody"

    def test_too_many_at_once(self, set_options, picnic, send):
        set_options(invitations={"per_send": 2})
        assert refused(send, picnic, "bob", "carol", "dan") == "too_many"

    def test_too_long_a_note_and_line(self, picnic, send):
        assert refused(send, picnic, "bob", note="n" * 301) == "note_too_long"
        assert refused(send, picnic, "bob", lines={"did:plc:bob": "n" * 201}) == "line_too_long"

    @pytest.mark.parametrize(("ends", "hours"), [(None, 3), (5, 5)])
    def test_an_event_that_is_over_and_none_that_has_begun(self, make_event, soon, send, clock, ends, hours):
        ends_at = soon + timedelta(hours=ends) if ends else None
        event = make_event(ends_at=ends_at)
        clock.pass_(seconds=(soon - clock.now()).total_seconds() + hours * 3600 - 60)
        assert send(event, "bob").queued == 1
        clock.pass_(seconds=61)
        assert refused(send, event, "carol") == "event_over"

    def test_people_who_cannot_be_looked_up(self, picnic, friends, send):
        friends.down = GraphUnavailable("unreachable", "Your server does not answer.")
        assert refused(send, picnic, "bob") == "graph_unavailable"

    @pytest.mark.promise("no-local-links")
    def test_a_loopback_site_sends_nothing_but_previews(self, set_options, picnic, alice, send):
        set_options(site={"url": "http://127.0.0.1:8000"})
        assert actions.preview(alice, picnic, ["did:plc:bob"]).refusal.code == "loopback_site"
        assert refused(send, picnic, "bob") == "loopback_site"
        assert not Invitation.objects.exists()

    def test_a_loopback_site_may_write_to_the_sandbox(self, set_options, picnic, alice, send):
        set_options(site={"url": "http://127.0.0.1:8000"}, bluesky={"allow_private_hosts": ("127.0.0.1:2583",)})
        type(alice.bluesky).objects.update(pds_url="http://127.0.0.1:2583")
        assert send(picnic, "bob").queued == 1

    def test_without_a_bluesky_account_there_is_nothing_to_send_from(self, picnic, alice, agent, send):
        alice.bluesky.delete()
        agent.ready = Readiness(False, "", "", "compose", "", "not_connected", "Connect first.")
        assert refused(send, picnic, "bob") == "not_connected"

    def test_a_host_who_only_signs_in_is_asked_to_connect(self, set_options, picnic, alice, agent):
        set_options(site={"url": "http://127.0.0.1:8000"}, bluesky={"allow_private_hosts": ("127.0.0.1:2583",)})
        type(alice.bluesky).objects.update(pds_url="", state="revoked", state_reason="not_connected")
        agent.ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "No.")
        ready = queries.readiness(alice)
        assert (ready.reason, ready.action, ready.may_send) == ("not_connected", "connect", False)


def test_a_key_of_another_target_is_refused(picnic, supper, send):
    send(picnic, "bob", idempotency_key="one")
    assert refused(send, supper, "bob", idempotency_key="one") == "wrong_state"
