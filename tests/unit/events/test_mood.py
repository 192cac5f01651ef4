"""The mood of an event's cover: what the host chooses is what is stored."""

import pytest

from elonara.events import actions, again
from elonara.events.models import Event
from elonara.members.errors import Invalid


def test_an_event_has_any_mood_until_its_host_chooses(make_event, alice):
    event = make_event()
    assert event.mood == "any"
    actions.change(event, by=alice, mood="evening")
    assert Event.objects.get().mood == "evening"
    assert make_event(mood="lively").mood == "lively"


def test_a_cover_is_nothing_for_calendars(make_event, alice):
    event = make_event()
    actions.change(event, by=alice, mood="evening")
    assert Event.objects.get().sequence == 0


@pytest.mark.parametrize("mood", ["", "wild", "Calm", None, 3])
def test_another_word_is_refused(make_event, alice, mood):
    event = make_event(mood="calm")
    with pytest.raises(Invalid) as fault:
        actions.change(event, by=alice, mood=mood)
    assert list(fault.value.errors) == ["mood"]
    with pytest.raises(Invalid):
        make_event(mood=mood)
    assert [row.mood for row in Event.objects.all()] == ["calm"]


def test_an_event_that_is_done_again_keeps_it(make_event, alice, soon):
    event = make_event(mood="outdoors")
    made = again.create(alice, of=event, **again.fields_of(event, alice, soon))
    assert made.mood == "outdoors"
