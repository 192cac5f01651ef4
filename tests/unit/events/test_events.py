"""Creating, changing and cancelling events."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events import actions, queries
from elonara.events.models import Event, EventHost


def refused(call, **fields):
    with pytest.raises(actions.Invalid) as fault:
        call(**fields)
    return fault.value.errors


def test_whoever_creates_an_event_hosts_it(picnic, alice):
    assert picnic.slug == "picnic"
    assert queries.role_of(picnic, alice) == "host"
    assert queries.may_manage(picnic, alice)
    assert [row.member for row in queries.hosts(picnic)] == [alice]


def test_a_naive_time_is_local_to_the_events_zone(make_event):
    year = timezone.now().year + 1
    event = make_event(starts_at=f"{year}-07-05T16:00", ends_at=datetime(year, 7, 5, 19), timezone="Europe/Berlin")  # noqa: DTZ001
    assert event.starts_at == datetime(year, 7, 5, 14, tzinfo=UTC)
    assert event.ends_at == datetime(year, 7, 5, 17, tzinfo=UTC)


def test_a_start_in_the_past_is_refused_beyond_a_short_grace(make_event):
    errors = refused(make_event, starts_at=timezone.now() - timedelta(hours=1))
    assert errors == {"starts_at": "The start is in the past. Choose a later time."}
    assert make_event(starts_at=timezone.now() - timedelta(minutes=5)).pk


def test_an_end_before_the_start_is_refused(make_event, soon):
    sentence = "The event ends before it starts. Choose a later end, or leave it empty."
    assert refused(make_event, ends_at=soon - timedelta(hours=1)) == {"ends_at": sentence}
    assert refused(make_event, ends_at=soon) == {"ends_at": sentence}


def test_every_wrong_field_gets_its_sentence_at_once(make_event):
    errors = refused(
        make_event,
        title="x" * 121,
        starts_at="tomorrow",
        timezone="Mars/Base",
        description="x" * 5001,
        location="x" * 301,
        visibility="secret",
        plus_ones_allowed=21,
    )
    assert errors == {
        "title": "The title has 121 characters; 120 fit.",
        "starts_at": "This is not a time. Enter it like 2027-05-01T16:00.",
        "timezone": "There is no time zone 'Mars/Base'. Choose one such as Europe/Berlin.",
        "description": "The description has 5001 characters; 5000 fit.",
        "location": "The place has 301 characters; 300 fit.",
        "visibility": "Choose public or private.",
        "plus_ones_allowed": "A guest can bring 0 to 20 people.",
    }
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (None, "Say when"),
        ("", "Say when"),
        (17, "not a time"),
        ("9999-12-31T23:59", "five years"),
        ("9999-12-31T23:59-12:00", "Check the year"),
        ("0001-01-01T00:00", "year"),
    ],
)
def test_invalid_starts_get_a_sentence(make_event, start, words):
    import re

    assert re.search(words, refused(make_event, starts_at=start)["starts_at"])


def test_a_local_time_that_does_not_exist_is_refused(make_event):
    year = timezone.now().year + 1
    last_sunday = max(day for day in range(25, 32) if datetime(year, 3, day).weekday() == 6)  # noqa: DTZ001
    errors = refused(make_event, starts_at=f"{year}-03-{last_sunday}T02:30", timezone="Europe/Berlin")
    assert errors == {"starts_at": "There is no 02:30 on that day in Europe/Berlin: the clocks are put forward."}


def test_fields_that_are_not_given_stay(make_event, alice):
    event = make_event(description="Bring cake.", location="Park")
    actions.change(event, by=alice, location="Beach")
    event = Event.objects.get()
    assert (event.title, event.description, event.location) == ("Picnic", "Bring cake.", "Beach")


def test_none_removes_the_end(make_event, alice, soon):
    event = make_event(ends_at=soon + timedelta(hours=2))
    assert actions.change(event, by=alice, ends_at=None).ends_at is None


def test_a_new_start_is_checked_against_the_unchanged_end(make_event, alice, soon):
    event = make_event(ends_at=soon + timedelta(hours=2))
    errors = refused(actions.change, event=event, by=alice, starts_at=soon + timedelta(hours=3))
    assert set(errors) == {"ends_at"}


def test_an_event_that_has_started_may_still_get_a_description(picnic, alice):
    Event.objects.update(starts_at=timezone.now() - timedelta(hours=1))
    assert actions.change(picnic, by=alice, description="We are under the oak.").description
    assert set(refused(actions.change, event=picnic, by=alice, starts_at=timezone.now() - timedelta(hours=2))) == {
        "starts_at"
    }


def test_the_sequence_is_raised_by_changes_of_calendar_fields(picnic, alice, soon):
    assert actions.change(picnic, by=alice, description="Cake.").sequence == 0
    assert actions.change(picnic, by=alice, title="Picnic", starts_at=soon).sequence == 0
    assert actions.change(picnic, by=alice, location="Beach", title="Swim").sequence == 1
    assert actions.cancel(picnic, alice).sequence == 2
    assert actions.cancel(picnic, alice).sequence == 2


def test_listeners_are_called_with_the_changed_fields_after_the_commit(
    picnic, alice, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(picnic, by=alice, title="Swim", description="")
        actions.change(picnic, by=alice, title="Swim")
        actions.cancel(picnic, alice)
        actions.cancel(picnic, alice)
        assert heard == []
    assert heard == [("picnic", {"title"}), ("picnic", {"status"})]


def test_a_cancelled_event_cannot_be_changed(picnic, alice):
    actions.cancel(picnic, alice)
    with pytest.raises(actions.NotAllowed, match="cancelled"):
        actions.change(picnic, by=alice, title="Back")
    assert queries.is_cancelled(picnic)
    assert not queries.upcoming_public()


def test_strangers_cannot_change_anything(picnic, make_member):
    eve = make_member()
    for attempt in (
        lambda: actions.change(picnic, by=eve, title="Mine"),
        lambda: actions.cancel(picnic, eve),
        lambda: actions.add_cohost(picnic, by=eve, member=eve),
        lambda: actions.remove_cohost(picnic, by=eve, member=eve),
    ):
        with pytest.raises(actions.NotAllowed, match="Only the host"):
            attempt()
    with pytest.raises(TypeError):
        actions.change(picnic, by=eve, slug="mine")


def test_a_suspended_host_cannot_change_anything(picnic, alice):
    alice.standing = "suspended"
    with pytest.raises(actions.NotAllowed, match="suspended"):
        actions.cancel(picnic, alice)
    assert not queries.may_invite(picnic, alice)


def test_a_cohost_runs_the_event_but_cannot_remove_others(picnic, alice, make_member):
    bob, carol = make_member("bob", did="did:plc:bob"), make_member("carol")
    for member in (bob, carol):
        actions.add_cohost(picnic, by=alice, member=member)
        actions.accept_cohost(picnic, by=member)
    assert queries.may_manage(picnic, bob)
    assert queries.host_dids(picnic) == {"did:plc:bob"}
    with pytest.raises(actions.NotAllowed, match="Only the host can remove"):
        actions.remove_cohost(picnic, by=bob, member=carol)
    with pytest.raises(actions.NotAllowed, match="host stays"):
        actions.remove_cohost(picnic, by=bob, member=alice)
    actions.remove_cohost(picnic, by=bob, member=bob)
    actions.remove_cohost(picnic, by=alice, member=carol)
    assert list(EventHost.objects.values_list("member__username", flat=True)) == ["alice"]


def test_adding_a_cohost_twice_changes_nothing(picnic, alice, make_member):
    bob = make_member()
    actions.add_cohost(picnic, by=alice, member=bob)
    actions.add_cohost(picnic, by=alice, member=bob)
    actions.accept_cohost(picnic, by=bob)
    actions.add_cohost(picnic, by=alice, member=alice)
    assert [row.role for row in queries.hosts(picnic)] == ["host", "cohost"]


def test_admins_and_moderators_add_events_to_a_community_and_invite(make_event, alice, make_member):
    bakers = communities.create(alice, name="Bakers")
    bob, mod = make_member(), make_member()
    communities.join(bakers, member=bob)
    Membership.objects.create(community=bakers, member=mod, role="moderator")
    with pytest.raises(actions.NotAllowed, match="Only admins and moderators of Bakers"):
        make_event(bob, community=bakers)
    event = make_event(community=bakers)
    assert queries.may_invite(event, mod)
    assert not queries.may_manage(event, mod)
    assert not queries.may_invite(event, bob)
    communities.close(bakers, alice)
    assert refused(make_event, community=bakers) == {
        "community": "Bakers is closed. Choose another community, or none."
    }
    assert actions.change(event, by=alice, title="Swim", community=bakers).title == "Swim"


def test_an_event_with_a_picture_keeps_it(make_event, photo, media):
    event = make_event(picture=photo((300, 200)), picture_alt="A meadow")
    assert (media / event.picture.name).exists()
