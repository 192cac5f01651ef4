"""Doing an event again: the same of everything, on the next free week, right across clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events import actions, again, queries
from elonara.events.guests import questions, rsvps
from elonara.events.models import Event
from elonara.members.errors import Invalid, NotAllowed


def at(text, zone="Europe/Berlin"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.fixture
def on(make_event):
    """`on("2026-03-21T02:30", zone, …)`: an event that begins then, on the clock of its zone."""

    def make(start, zone="Europe/Berlin", host=None, **fields):
        event = make_event(host=host, timezone=zone)
        Event.objects.filter(pk=event.pk).update(starts_at=at(start, zone), **fields)
        return Event.objects.get(pk=event.pk)

    return make


def proposed(event, host, now):
    return f"{again.next_start(event, host, now=at(now, event.timezone)):%Y-%m-%dT%H:%M}"


class TestTheDay:
    def test_is_the_same_weekday_and_time_a_week_after_one_to_come(self, on, alice):
        assert proposed(on("2026-12-05T16:00"), alice, "2026-12-01T12:00") == "2026-12-12T16:00"

    @pytest.mark.parametrize(
        ("now", "day"),
        [
            ("2026-12-05T17:00", "2026-12-12T16:00"),
            ("2026-12-11T15:59", "2026-12-12T16:00"),
            ("2026-12-11T16:00", "2026-12-19T16:00"),  # a day is too soon
            ("2027-06-01T12:00", "2027-06-05T16:00"),
        ],
    )
    def test_of_a_past_one_is_the_next_to_come(self, on, alice, now, day):
        assert proposed(on("2026-12-05T16:00"), alice, now) == day

    @pytest.mark.parametrize(
        ("zone", "last", "now", "next_one"),
        [
            ("Europe/Berlin", "2026-10-23T19:00", "2026-10-24T12:00", "2026-10-30T19:00"),
            ("Europe/Berlin", "2027-03-26T19:00", "2027-03-27T12:00", "2027-04-02T19:00"),
            ("America/New_York", "2026-10-30T23:30", "2026-10-31T12:00", "2026-11-06T23:30"),
            ("Australia/Lord_Howe", "2026-10-01T20:00", "2026-10-02T09:00", "2026-10-08T20:00"),
            ("Asia/Kathmandu", "2026-10-23T07:15", "2026-10-24T12:00", "2026-10-30T07:15"),
        ],
    )
    def test_shows_the_same_clock_after_a_change_of_the_clock(self, on, alice, zone, last, now, next_one):
        assert proposed(on(last, zone), alice, now) == next_one

    def test_is_none_on_which_there_is_no_such_time(self, on, alice):
        # On 28 March 2027 the clock goes from 2 to 3.
        assert proposed(on("2027-03-21T02:30"), alice, "2027-03-22T12:00") == "2027-04-04T02:30"
        late = on("2027-03-20T22:00", ends_at=at("2027-03-21T02:30"))
        assert proposed(late, alice, "2027-03-22T12:00") == "2027-04-03T22:00"

    def test_of_the_second_half_past_two_in_autumn_is_half_past_two(self, on, alice):
        event = on("2026-10-25T02:30")
        Event.objects.update(starts_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
        event.refresh_from_db()
        assert proposed(event, alice, "2026-10-26T12:00") == "2026-11-01T02:30"

    def test_is_one_on_which_she_runs_nothing_else(self, on, alice):
        event = on("2026-12-05T16:00")
        on("2026-12-12T18:59")  # 16:00 lasts until 19:00 by the site's rule
        on("2026-12-19T13:01")
        on("2026-12-26T19:00")
        assert proposed(event, alice, "2026-12-06T12:00") == "2026-12-26T16:00"

    def test_nor_goes_to_anything(self, on, alice, make_member):
        event, theirs = on("2026-12-05T16:00"), on("2026-12-12T16:00", host=make_member("zoe"))
        rsvps.Rsvp.objects.create(event=theirs, member=alice, choice="cant")
        assert proposed(event, alice, "2026-12-06T12:00") == "2026-12-12T16:00"
        rsvps.Rsvp.objects.update(choice="going")
        assert proposed(event, alice, "2026-12-06T12:00") == "2026-12-19T16:00"
        Event.objects.filter(pk=theirs.pk).update(status="cancelled")
        assert proposed(event, alice, "2026-12-06T12:00") == "2026-12-12T16:00"

    def test_doing_it_again_and_again_makes_a_series(self, on, alice):
        event, days = on("2026-12-05T16:00"), []
        for _ in range(3):
            day = proposed(event, alice, "2026-12-06T12:00")
            days.append(day)
            on(day)
        assert days == ["2026-12-12T16:00", "2026-12-19T16:00", "2026-12-26T16:00"]

    def test_of_a_fair_of_ten_days_is_after_it(self, on, alice):
        fair = on("2026-12-05T16:00", ends_at=at("2026-12-15T16:00"))
        assert proposed(fair, alice, "2026-12-01T12:00") == "2026-12-19T16:00"

    def test_where_no_week_is_free_it_is_the_first(self, on, alice):
        event = on("2026-12-05T16:00")
        on("2026-12-01T00:00", ends_at=at("2028-01-01T00:00"))
        assert proposed(event, alice, "2026-12-06T12:00") == "2026-12-12T16:00"


class TestTheTimes:
    def test_the_end_and_the_last_answer_are_as_far_from_the_start(self, on):
        event = on("2026-10-23T22:00", ends_at=at("2026-10-25T04:00"), answers_until=at("2026-10-20T12:00"))
        found = again.times_from(event, datetime.fromisoformat("2026-11-06T22:00"))
        assert [f"{moment:%d %H:%M}" for moment in found.values()] == ["06 22:00", "08 04:00", "03 12:00"]

    def test_one_that_ended_in_the_hour_that_is_repeated_still_ends_after_its_start(self, on):
        event = on("2026-10-25T02:30", ends_at=datetime(2026, 10, 25, 1, 15, tzinfo=UTC))
        found = again.times_from(event, datetime.fromisoformat("2026-11-01T02:30"))
        assert found["ends_at"] - found["starts_at"] == timedelta(minutes=45)

    def test_what_was_not_set_is_not_set(self, picnic):
        found = again.times_from(picnic, datetime.fromisoformat("2027-01-01T12:00"))
        assert (found["ends_at"], found["answers_until"]) == (None, None)


SETTINGS = {
    "title": "Supper", "description": "*Bread*", "location": "Behind the oak", "visibility": "private", "capacity": 12,
    "plus_ones_allowed": 2, "approval": True, "place_hidden": True, "attendance": "both",
    "online_link": "https://meet.example/a", "online_capacity": 5, "fills_by_itself": False, "offer_hours": 0,
    "fill_cutoff_hours": 3, "guest_list_hidden": True, "count_hidden": True, "replies_to_host": True,
    "picture_alt": "A table", "mood": "calm",
}  # fmt: skip
ASKED = [
    {"text": "What do you eat?", "kind": "choice", "options": ["All", "Vegan"], "required": True},
    {"text": "Anything else?", "kind": "text", "options": [], "required": False},
]


@pytest.fixture
def supper(make_event, alice):
    event = make_event(**SETTINGS)
    questions.ask(event, alice, [{"text": "Retired?", "kind": "text"}])
    questions.ask(event, alice, ASKED)
    return event


def repeat(event, host, start, **more):
    return again.create(host, of=event, **again.fields_of(event, host, start) | more)


class TestTheNewEvent:
    def test_is_as_the_other_was(self, supper, alice, clock, soon):
        made = repeat(supper, alice, soon + timedelta(days=7))
        assert {name: getattr(made, name) for name in SETTINGS} == SETTINGS
        assert (made.repeats, made.created_by, made.status) == (supper, alice, "scheduled")
        asked = [{name: getattr(row, name) for name in ASKED[0]} for row in questions.of_event(made)]
        assert asked == ASKED
        assert made.slug != supper.slug
        assert [row.member for row in queries.hosts(made)] == [alice]

    def test_nothing_that_guests_did_comes_along(self, supper, alice, soon, make_member):
        Event.objects.update(cancel_word="Rain", status="cancelled", sequence=4)
        rsvps.Rsvp.objects.create(event=supper, member=make_member("bob"), choice="going")
        actions.EventHost.objects.create(event=supper, member=make_member("zoe"), role="cohost")
        supper.refresh_from_db()
        made = repeat(supper, alice, soon)
        assert not made.answers.exists()
        assert (made.cancel_word, made.sequence, made.hosts.count()) == ("", 0, 1)

    def test_what_she_changes_is_hers(self, supper, alice, soon):
        made = repeat(supper, alice, soon, title="Lunch", capacity=None)
        assert (made.title, made.capacity, made.description) == ("Lunch", None, "*Bread*")

    def test_a_wrong_value_makes_nothing(self, supper, alice):
        with pytest.raises(Invalid):
            repeat(supper, alice, timezone.now() - timedelta(days=1))
        assert Event.objects.count() == 1

    def test_the_picture_is_a_file_of_its_own(self, make_event, alice, photo, soon, media):
        event = make_event(picture=photo((64, 48)))
        made = repeat(event, alice, soon)
        assert made.picture.name != event.picture.name
        assert made.picture.read() == Event.objects.get(pk=event.pk).picture.read()
        actions.change(event, by=alice, picture="")
        assert made.picture.storage.exists(made.picture.name)

    def test_or_another_or_none(self, make_event, alice, photo, soon):
        event = make_event(picture=photo((64, 48)))
        other = repeat(event, alice, soon, picture=photo((30, 30)))
        assert other.picture.read() != Event.objects.get(pk=event.pk).picture.read()
        assert not repeat(event, alice, soon, same_picture=False).picture

    def test_a_picture_whose_file_is_lost_stops_nobody(self, make_event, alice, photo, soon):
        event = make_event(picture=photo((64, 48)))
        event.picture.storage.delete(event.picture.name)
        assert not repeat(event, alice, soon).picture


class TestWhoMay:
    @pytest.mark.promise("again-by-hosts")
    @pytest.mark.parametrize("who", ["guest", "asked", "moderator", "former", "suspended"])
    def test_nobody_but_its_hosts_reads_an_event_so(self, supper, alice, make_member, soon, who):
        member = make_member(who)
        if who == "guest":
            rsvps.Rsvp.objects.create(event=supper, member=member, choice="going")
        elif who == "asked":
            actions.add_cohost(supper, by=alice, member=member)
        elif who == "moderator":
            group = communities.create(alice, name="Bakers")
            Membership.objects.create(community=group, member=member, role="moderator")
            actions.change(supper, by=alice, community=group)
        else:
            actions.EventHost.objects.create(event=supper, member=member, role="cohost", accepted_at=timezone.now())
            if who == "former":
                actions.remove_cohost(supper, by=member, member=member)
            else:
                member.standing = "suspended"
                member.save()
        with pytest.raises(NotAllowed):
            again.require_repeatable(supper, member)
        with pytest.raises(NotAllowed):
            again.create(member, of=supper, title="Mine", starts_at=soon, timezone="UTC")
        assert Event.objects.count() == 1

    def test_a_cohost_may_and_guests_do_not_reply_to_her_unasked(self, supper, alice, make_member, soon):
        zoe = make_member("zoe")
        actions.add_cohost(supper, by=alice, member=zoe)
        actions.accept_cohost(supper, by=zoe)
        made = repeat(supper, zoe, soon)
        assert (made.created_by, made.replies_to_host) == (zoe, False)

    @pytest.mark.parametrize("role", ["member", "moderator", None])
    def test_the_community_comes_along_where_she_may_add_events_to_it(self, picnic, alice, make_member, soon, role):
        owner = make_member("owner")
        group = communities.create(owner, name="Bakers")
        if role:
            Membership.objects.create(community=group, member=alice, role=role)
        Event.objects.update(community=group)
        picnic.refresh_from_db()
        assert repeat(picnic, alice, soon).community == (group if role == "moderator" else None)

    def test_not_to_one_that_is_closed(self, make_event, alice, soon):
        group = communities.create(alice, name="Bakers")
        event = make_event(community=group)
        communities.close(group, alice)
        event.refresh_from_db()
        assert repeat(Event.objects.get(), alice, soon).community is None

    def test_what_an_operator_hid_is_not_done_again(self, supper, alice, make_member, soon):
        actions.hide(supper, make_member("operator", is_superuser=True, is_staff=True))
        supper.refresh_from_db()
        with pytest.raises(NotAllowed, match="hidden"):
            repeat(supper, alice, soon)


def test_a_series_of_copies_has_other_colours_each_time(picnic, alice):
    def copy(of):
        return again.create(alice, of=of, title=of.title, starts_at=of.starts_at, timezone="UTC")

    second = copy(picnic)
    third = copy(second)
    assert [one.cover_shift for one in (picnic, second, third, copy(picnic))] == [0, 1, 2, 2]
    assert Event.objects.get(pk=third.pk).cover_shift == 2
