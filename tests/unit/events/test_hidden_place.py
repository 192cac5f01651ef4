"""A place that is hidden stands nowhere but before hosts and guests who are going."""

import re
from pathlib import Path

import pytest

from elonara.events import actions, calendar_file, link_cards, location, queries, web_previews
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event
from elonara.invitations.email import message
from elonara.invitations.targets import Target
from elonara.members.queries import open_notices

SOURCES = Path(__file__).resolve().parents[3] / "src" / "elonara"
PLACE = "Behind the crooked oak"
# Where the column is read: where it is stored, validated and changed, and where somebody is known to be allowed to.
FORM = "web/templates/events/form.html"  # of the hosts
SHEET = "web/templates/events/guests_print.html"  # the list for the door, of the hosts
READERS = {
    "events/location.py", "events/models.py", "events/messages/facts.py", "web/templates/events/facts.html", FORM,
    SHEET, "invitations/planning/sentences.py",  # which refuses a sentence that names it
}  # fmt: skip


@pytest.fixture
def hidden(make_event):
    return make_event(location=PLACE, place_hidden=True)


@pytest.mark.promise("hidden-place")
@pytest.mark.parametrize(
    ("column", "readers"),
    [("location", READERS), ("online_link", {"events/location.py", FORM})],
)
def test_nothing_else_reads_the_place_or_the_link(column, readers):
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*")
        if path.suffix in {".py", ".html", ".txt"} and re.search(rf"\.{column}\b", path.read_text(encoding="utf-8"))
    }
    assert found == readers


@pytest.mark.parametrize(
    ("choice", "seen"), [("going", True), ("maybe", False), ("cant", False), ("waiting", False), ("asked", False)]
)
def test_only_who_is_going_reads_it(hidden, choice, seen):
    row = rsvps.respond(hidden, choice="going", did="did:plc:a", invited=True)
    row.choice = choice
    assert location.where(hidden, row) == (PLACE if seen else "")
    assert location.where(hidden, None) == ""
    assert location.where(hidden, None, manages=True) == PLACE


@pytest.mark.promise("hidden-place")
def test_it_is_in_nothing_that_anybody_may_read(hidden, alice):
    said = [
        repr(link_cards.card_for(hidden)),
        repr(web_previews.web_preview(hidden, url="https://x.example/e", site_name="X")),
        repr(Target(hidden).facts),
        message.body(alice, hidden, "", "token"),
        calendar_file.ics(hidden, "https://x.example/e", location.where(hidden, None)).decode(),
        calendar_file.google_link(hidden, "https://x.example/e", location.where(hidden, None)),
        calendar_file.outlook_link(hidden, "https://x.example/e", location.where(hidden, None)),
    ]
    assert not [text for text in said if "oak" in text]
    assert not queries.matching(Event.objects.all(), "crooked").exists()
    actions.change(hidden, by=alice, place_hidden=False)
    assert queries.matching(Event.objects.all(), "crooked").exists()
    actions.change(hidden, by=alice, place_hidden=True)
    assert not queries.matching(Event.objects.all(), "crooked").exists()


def test_a_new_place_is_told_to_who_is_going_alone(
    hidden, alice, make_member, soon, django_capture_on_commit_callbacks
):
    bob, carol = make_member("bob"), make_member("carol")
    rsvps.respond(hidden, choice="going", member=bob)
    rsvps.respond(hidden, choice="maybe", member=carol)
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(hidden, by=alice, location="By the lake")
    assert "By the lake" in open_notices(bob).get().text
    assert not open_notices(carol).exists()
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(hidden, by=alice, starts_at=soon.replace(minute=47))
    assert "By the lake" in open_notices(bob).get().text
    assert ":47" not in open_notices(carol).get().text or "lake" not in open_notices(carol).get().text


def test_posts_stay_true_when_a_hidden_place_changes(hidden, alice, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(hidden, by=alice, location="By the lake", description="New")
    assert heard == [(hidden.slug, {"description"})]


def test_a_place_that_is_hidden_from_now_on_is_no_news(make_event, alice):
    """Who knew it would be told of a new place, which it is not."""
    event = make_event(location="The oak")
    rsvps.respond(event, choice="maybe", did="did:plc:a", invited=True)
    actions.change(event, by=alice, place_hidden=True)
    assert not GuestMessage.objects.exists()
    actions.change(event, by=alice, location="The beech")
    assert not GuestMessage.objects.exists()
