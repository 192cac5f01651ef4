"""The caps as a host meets them when she sends: what goes today, what waits, and who is skipped."""

from datetime import timedelta

import pytest
from tests.fakes.graph import somebody

from elonara.bluesky.writing.agent import Readiness
from elonara.config.options import Relay
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation


class TestCaps:
    def test_what_is_over_the_daily_cap_goes_the_next_morning(
        self, set_options, picnic, alice, send, deliver, states, clock
    ):
        set_options(invitations={"first_week_per_day": 2})
        seen = actions.preview(alice, picnic, ["did:plc:bob", "did:plc:carol", "did:plc:dan"])
        assert seen.schedule == "2 today, 1 tomorrow"
        sent = send(picnic, "bob", "carol", "dan")
        assert (sent.today, [number for _, number in sent.later]) == (2, [1])
        deliver()
        assert sorted(states().values()) == ["queued", "sent", "sent"]
        clock.pass_(hours=34)
        deliver()
        assert set(states().values()) == {"sent"}

    def test_after_the_first_week_the_daily_cap_is_higher(self, set_options, picnic, alice, clock):
        set_options(invitations={"first_week_per_day": 2, "per_day": 5})
        assert queries.caps_left(alice).today == 2
        assert queries.caps_left(alice).first_week
        clock.pass_(days=8)
        assert queries.caps_left(alice).today == 5

    def test_the_first_week_has_seven_days(self, set_options, alice, clock):
        set_options(invitations={"first_week_per_day": 2, "per_day": 5})
        today = []
        for _ in range(8):
            today.append(queries.caps_left(alice).today)
            clock.pass_(days=1)
        assert today == [2] * 7 + [5]

    @pytest.mark.promise("host-caps")
    def test_the_weekly_cap_holds_for_any_seven_days(self, set_options, make_event, alice, people, send):
        set_options(invitations={"per_day": 2, "first_week_per_day": 2, "per_week": 3})
        people += [somebody(f"p{number}") for number in range(6)]
        sent = send(make_event(), *[f"p{number}" for number in range(6)])
        days = sorted(row.counted_on for row in Invitation.objects.all())
        assert sent.today == 2
        assert [(day - days[0]).days for day in days] == [0, 0, 1, 7, 7, 8]

    @pytest.mark.promise("person-cap")
    def test_one_person_gets_three_a_week_from_the_whole_site(self, make_event, alice, send, clock):
        for number in range(3):
            assert send(make_event(title=f"Picnic {number}"), "bob").queued == 1
        (skipped,) = actions.preview(alice, make_event(), ["did:plc:bob"]).skipped
        assert skipped.reason == "person_cap"
        (skipped,) = send(make_event(title="Picnic 4"), "bob").skipped
        assert skipped.reason == "person_cap"
        assert skipped.until == (clock.now() + timedelta(days=7)).date()
        assert f"{skipped.until.day}" in skipped.way_on
        clock.pass_(days=7)
        assert send(make_event(title="Picnic 4"), "bob").queued == 1

    def test_rows_that_waited_do_not_go_out_all_on_one_day(
        self, set_options, picnic, send, deliver, agent, states, clock
    ):
        set_options(invitations={"first_week_per_day": 2})
        agent.ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "")
        send(picnic, "bob", "carol", "dan")
        clock.pass_(days=3)
        agent.ready = None
        deliver()
        assert sorted(states().values()) == ["queued", "sent", "sent"]

    def test_a_cancelled_invitation_gives_its_place_back(self, set_options, picnic, alice, send, row):
        set_options(invitations={"first_week_per_day": 2})
        send(picnic, "bob")
        assert queries.caps_left(alice).today == 1
        actions.cancel(row("bob"), alice)
        assert queries.caps_left(alice).today == 2

    def test_the_relays_cap_is_counted_over_all_hosts(
        self, set_options, make_event, make_member, agent, send, alice, appview
    ):
        set_options(bluesky={"relay": Relay(per_day=2)})  # an announcement and an invitation
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
        zoe = make_member("zoe", "did:plc:zoe")
        assert send(make_event(), "bob").today == 1
        assert send(make_event(zoe), "carol", host=zoe).today == 0
