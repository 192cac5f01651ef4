"""Edits, answers, stops, a mail server and workers that die, in any order: each change is heard once."""

from collections import Counter, defaultdict
from contextlib import suppress
from datetime import timedelta
from smtplib import SMTPDataError

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.invitations.any_order import run

from elonara import jobs
from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage, MessageOptOut
from elonara.events.models import Event
from elonara.invitations.guest_emails import stopping
from elonara.mail.models import MailPause, MailRefusal
from elonara.mail.smtp import Unanswered
from elonara.members.models import Notice

PLACES = ("", "Beach", "Hill")
READERS = ("bob", "carol")
MOODS = ("take", "refuse", "lost", "lost but taken", "crash before", "crash after")
DOUBTS = {"lost", "lost but taken", "crash before", "crash after"}


class Crash(BaseException):
    """The worker ends."""


class Server:
    """Takes e-mails, or does what the next mood says."""

    def __init__(self):
        self.moods, self.taken, self.doubted = [], [], set()

    def send_messages(self, messages):
        [message] = messages
        mood, key = self.moods.pop(0) if self.moods else "take", message.extra_headers["Message-ID"]
        if mood in DOUBTS:
            self.doubted.add(key)
        if mood == "refuse":
            raise SMTPDataError(451, b"4.3.0 later")
        if mood not in {"lost", "crash before"}:
            self.taken.append((key, message.to[0].split()[0], message.subject, where(message)))
        if mood.startswith("lost"):
            raise Unanswered("TimeoutError")
        if mood.startswith("crash"):
            raise Crash


def where(message):
    found = [line.removeprefix("Where: ") for line in message.body.split("\n") if line.startswith("Where: ")]
    return found[0] if found else ""


class Told(RuleBasedStateMachine):
    """Alice's picnic, and two guests with addresses."""

    clock = alice = make_event = server = people = None

    @initialize()
    def begin(self):
        for model in (GuestMessage, MessageOptOut, Notice, MailPause, MailRefusal, Event):
            model.objects.all().delete()
        self.clock.ahead = timedelta()
        self.server.__init__()
        self.event = self.make_event(starts_at=self.clock.now() + timedelta(days=90))
        self.coming, self.stopped, self.cancelled = set(READERS), {}, False
        for name in READERS:
            rsvps.respond(self.event, choice="going", member=self.people[name])

    @precondition(lambda self: not self.cancelled)
    @rule(place=st.sampled_from(PLACES))
    def edit(self, place):
        actions.change(self.event, by=self.alice, location=place)

    @precondition(lambda self: not self.cancelled)
    @rule(title=st.sampled_from(["Picnic", "Lunch"]))
    def rename(self, title):
        actions.change(self.event, by=self.alice, title=title)

    @rule(minutes=st.sampled_from([1, 3, 20]), mood=st.lists(st.sampled_from(MOODS), max_size=2))
    def work(self, minutes, mood):
        self.clock.pass_(minutes=minutes)
        self.server.moods = list(mood)
        for _ in range(len(mood) + 1):
            with suppress(Crash):
                jobs.drain()
        self.server.moods = []

    @precondition(lambda self: not self.cancelled)
    @rule(name=st.sampled_from(READERS))
    def says_no(self, name):
        rsvps.respond(self.event, choice="cant", member=self.people[name])
        self.coming.discard(name)

    @rule(name=st.sampled_from(READERS))
    def stops(self, name):
        row = GuestMessage.objects.filter(member=self.people[name]).exclude(token_hash="").first()
        if row is not None:
            stopping.stop(row)
            self.stopped.setdefault(name, len(self.server.taken))

    @precondition(lambda self: not self.cancelled)
    @rule()
    def cancel(self):
        actions.cancel(self.event, self.alice)
        self.cancelled = True

    @invariant()
    def nobody_hears_after_a_stop(self):
        for name, since in getattr(self, "stopped", {}).items():
            assert name not in [to for _, to, _, _ in self.server.taken[since:]]

    @invariant()
    def a_second_copy_comes_of_a_doubt_alone_and_says_the_same(self):
        copies, says = Counter(), defaultdict(set)
        for key, to, _, place in self.server.taken:
            copies[key] += 1
            says[key].add((to, place))
        assert {key for key, count in copies.items() if count > 1} <= self.server.doubted
        assert all(len(said) == 1 for said in says.values())

    def teardown(self):
        if not hasattr(self, "event"):
            return
        self.server.moods = []
        for _ in range(8):
            self.clock.pass_(hours=12)
            jobs.drain()
        for name in self.coming - set(self.stopped):
            self.heard_all(name)

    def heard_all(self, name):
        """Never none: in the end she knows what holds. Never two: each e-mail tells something that she did not know."""
        mine = [one for one in self.server.taken if one[1] == name]
        self.event.refresh_from_db()
        if self.cancelled:
            assert len({key for key, _, subject, _ in mine if "Cancelled" in subject}) == 1
            return
        knows, seen = "", set()
        for key, _, _, place in mine:
            if key not in seen:
                assert place != knows or self.server.doubted
                seen.add(key)
            knows = place
        assert knows == self.event.location


@pytest.mark.promise("told-once")
@pytest.mark.parametrize("examples", [30])
def test_whatever_happens(alice, make_event, with_address, clock, monkeypatch, examples):
    server = Server()
    monkeypatch.setattr("elonara.mail.delivery.mailers", {"smtp": server})
    monkeypatch.setattr("elonara.locks.has_ended", lambda _owner: True)
    monkeypatch.setattr("elonara.mail.row_queue.release", lambda _lease: None)
    Told.clock, Told.alice, Told.server, Told.make_event = clock, alice, server, staticmethod(make_event)
    Told.people = {name: with_address(name) for name in READERS}
    run(Told, examples)
