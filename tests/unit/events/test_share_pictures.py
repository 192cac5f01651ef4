"""The pictures of events for other sites: when one is made, when it is that of now, and what is not in it."""

import io
import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from elonara import jobs
from elonara.events import actions, hooks, share_pictures
from elonara.events.models import Event


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    """The job as the site registers it; the keys with which it was woken."""
    keys = []
    before, listeners = jobs.kinds()["share"], list(hooks._on_change)
    share_pictures.install()
    monkeypatch.setattr(jobs, "wake", lambda kind, key, at=None: keys.append(key) if kind == "share" else None)
    yield keys
    jobs.register("share", before.handler, before.sweep)
    hooks._on_change[:] = listeners  # of the site, if a test before this one has registered them


@pytest.fixture
def drawn(monkeypatch):
    """What the process was told to draw; it answers without drawing."""
    asked = []

    def draw(wanted):
        asked.append(wanted)
        return b"JPEG %d" % len(asked)

    monkeypatch.setattr(share_pictures, "_draw", draw)
    return asked


def made(event):
    """The event after all due jobs."""
    while due := jobs.due("share"):
        for key in due:
            jobs.run("share", key)
    return Event.objects.get(pk=event.pk)


def stored(media):
    return sorted(path.name for path in (media / "share").glob("*"))


def test_a_new_event_gets_its_picture(picnic, media):
    row = made(picnic)
    with Image.open(io.BytesIO(row.share_picture.read())) as image:
        assert (image.format, image.size) == ("JPEG", (1200, 630))
    assert share_pictures.current(row) == share_pictures.version(row)
    assert row.share_picture_due_at is None
    assert [name.startswith(share_pictures.version(row)) for name in stored(media)] == [True]
    assert jobs.due("share") == []


@pytest.mark.parametrize(
    "change",
    [{"title": "Lunch"}, {"location": "Park"}, {"mood": "evening"}, {"timezone": "Europe/Lisbon"},
     {"place_hidden": True}, {"starts_at": timezone.now() + timedelta(days=9)}],
)  # fmt: skip
def test_a_change_of_what_is_drawn_makes_another(make_event, alice, drawn, media, change, woken):
    row = made(make_event(location="Hill"))
    first = share_pictures.current(row)
    actions.change(row, by=alice, **change)
    assert share_pictures.current(Event.objects.get()) == ""  # never an earlier one
    assert share_pictures._changed in hooks._on_change
    share_pictures._changed(row, frozenset(change))
    assert str(row.pk) in woken
    row = made(row)
    assert "" != share_pictures.current(row) != first
    assert len(drawn) == 2
    assert len(stored(media)) == 1


def test_a_change_of_anything_else_makes_none(picnic, alice, drawn):
    row = made(picnic)
    actions.change(row, by=alice, description="Bring cake.", capacity=4)
    assert share_pictures.current(made(row)) == share_pictures.version(row)
    assert len(drawn) == 1


@pytest.mark.promise("hidden-place")
def test_a_hidden_place_is_not_drawn(make_event, drawn):
    made(make_event(location="Behind the oak", place_hidden=True))
    made(make_event(location="The lake"))
    assert [wanted.place for wanted in drawn] == ["", "The lake"]


@pytest.mark.promise("private-not-named")
def test_a_private_event_has_none(supper, alice, drawn, media):
    row = made(supper)
    assert (drawn, stored(media), share_pictures.current(row)) == ([], [], "")
    actions.change(row, by=alice, visibility="public")
    row = made(row)
    assert share_pictures.current(row)
    actions.change(row, by=alice, visibility="private")
    assert share_pictures.current(Event.objects.get()) == ""  # at once
    row = made(row)
    assert (stored(media), str(row.share_picture)) == ([], "")


def test_a_hidden_event_shows_none(picnic, drawn):
    row = made(picnic)
    row.hidden_at = timezone.now()
    assert share_pictures.current(row) == ""


def test_a_cancelled_event_says_so(picnic, alice, drawn):
    actions.cancel(made(picnic), alice)
    made(picnic)
    assert drawn[-1].when.startswith("Cancelled. ")


def test_what_is_over_is_left_as_it_is(picnic, drawn, clock):
    clock.pass_(days=30)
    assert made(picnic).share_picture_due_at is None
    assert drawn == []


def test_the_picture_does_not_change_with_the_year(picnic, clock):
    before = share_pictures.version(picnic)
    clock.pass_(days=400)
    assert share_pictures.version(Event.objects.get()) == before


def test_her_own_picture_is_in_it(make_event, alice, photo, drawn):
    row = made(make_event(picture=photo((600, 400))))
    assert drawn[0].picture.startswith("/9j/")  # a JPEG in base64
    first = share_pictures.version(row)
    actions.change(row, by=alice, picture=photo((500, 400)))
    assert share_pictures.version(Event.objects.get()) != first


def test_a_change_while_it_is_drawn_is_drawn_as_well(picnic, alice, monkeypatch, media):
    titles = iter(["Lunch", "Tea"])

    def draw(wanted):
        if title := next(titles, ""):
            actions.change(picnic, by=alice, title=title)
        return b"JPEG"

    monkeypatch.setattr(share_pictures, "_draw", draw)
    row = made(picnic)
    assert (row.title, share_pictures.current(row)) == ("Tea", share_pictures.version(row))
    assert len(stored(media)) == 1


@pytest.mark.parametrize("fault", [OSError("no space"), subprocess.TimeoutExpired("x", 30)])
def test_a_failure_is_tried_again_later(picnic, monkeypatch, fault, clock):
    def draw(wanted):
        raise fault

    monkeypatch.setattr(share_pictures, "_draw", draw)
    again = share_pictures.poll(str(picnic.pk))
    row = Event.objects.get()
    assert again == row.share_picture_due_at > timezone.now() + timedelta(minutes=9)
    assert jobs.due("share") == []


def test_a_key_of_nothing_is_nothing(picnic, drawn):
    assert share_pictures.poll("987654") is None
    row = made(picnic)
    assert share_pictures.poll(str(row.pk)) is None
    assert len(drawn) == 1


def test_a_job_that_would_have_to_wait_for_another_comes_again(picnic, drawn, clock):
    """It would keep a thread from sending invitations."""
    with share_pictures._one_at_a_time:
        due = share_pictures.poll(str(picnic.pk))
    assert due is not None
    assert timezone.now() < due <= timezone.now() + share_pictures.WAIT_FOR_TURN
    assert drawn == []
    assert share_pictures.poll(str(picnic.pk)) is None
    assert len(drawn) == 1


def test_one_that_is_lost_is_made_again_at_the_next_change(picnic, alice, drawn):
    row = made(picnic)
    row.share_picture.storage.delete(row.share_picture.name)
    actions.change(row, by=alice, description="Bread")
    Event.objects.update(share_picture_due_at=timezone.now())
    row = made(row)
    assert row.share_picture.storage.exists(row.share_picture.name)


def test_after_a_new_name_of_the_site_those_of_events_to_come_are_made_anew(picnic, drawn, set_options, clock):
    row = made(picnic)
    assert share_pictures.find_outdated() == 0
    set_options(site={"name": "Bread Site"})
    assert share_pictures.current(row) == ""
    assert share_pictures.find_outdated() == 1
    assert share_pictures.current(made(row))
    assert share_pictures.find_outdated() == 0


def test_the_cover_is_drawn_where_her_own_picture_cannot_be_read(make_event, photo, drawn):
    event = make_event(picture=photo())
    event.picture.storage.delete(event.picture.name)
    assert share_pictures.current(made(event))
    assert drawn[0].picture == ""
