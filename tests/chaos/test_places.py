"""kill -9 while guests leave and places are given and offered: never 11 of 10, nobody forgotten, nobody told twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from tests.chaos.ground import Site, how_many

from elonara.events import actions
from elonara.events.guests import places, rsvps
from elonara.events.messages.models import GuestMessage, MessageKind
from elonara.events.models import Rsvp
from elonara.members.models import Member

CAPACITY, WAITING = 10, 24
PROCESSES, KILLS = 3, how_many("PLACE_KILLS", 500, 20)
LONGEST_LIFE = 0.8  # seconds between two kills, at most
PATIENCE = 60  # seconds for places to be given
WORKER = str(Path(__file__).with_name("guest_worker.py"))


@pytest.fixture
def alice(transactional_db):
    return Member.objects.create_user("alice", display_name="Alice")


def crowded(alice, title, **fields):
    """An event with ten guests and a waiting list; every second person is a member."""
    starts = timezone.now() + timedelta(days=30)
    event = actions.create(
        alice, title=title, starts_at=starts, timezone="UTC", capacity=CAPACITY, plus_ones_allowed=2, **fields
    )
    for number in range(CAPACITY + WAITING):
        more = number % 3 if number >= CAPACITY else 0
        member = None if number % 2 else Member.objects.create_user(f"{title}{number}")
        did = "" if member else f"did:plc:{title}{number}"
        rsvps.respond(event, choice="going", member=member, did=did, invited=True, plus_ones=more)
    return event


class Crew:
    """The processes that act for guests, each for a share of the answers."""

    def __init__(self, folder, chance, events):
        self._folder, self._chance = folder, chance
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        environment = inherited | {
            "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_DATA_DIR": str(settings.ELONARA.data_dir),
            "ELONARA_DATABASE__URL": Site.database_url(),
        }
        arguments = [sys.executable, WORKER, str(PROCESSES), *(str(event.pk) for event in events)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._parent = subprocess.Popen(arguments, env=environment, **pipes)
        self.logs, self._pids = [], [""] * PROCESSES
        for share in range(PROCESSES):
            self._start(share)

    def _ask(self, words):
        self._parent.stdin.write(f"{words}\n")
        self._parent.stdin.flush()
        return self._parent.stdout.readline().strip()

    def _start(self, share):
        log = self._folder / f"{share}-{len(self.logs)}.log"
        self.logs.append(log)
        self._pids[share] = self._ask(f"start {self._chance.getrandbits(32)} {share} {log}")
        return log

    def _kill(self, share):
        ended = self._ask(f"kill {self._pids[share]}")
        self._pids[share] = ""
        return ended

    def kill_one(self, meanwhile):
        """Kill one of them at a random moment of its work, and start another in its place."""
        share = self._chance.randrange(PROCESSES)
        end = time.monotonic() + self._chance.uniform(0, LONGEST_LIFE)
        while time.monotonic() < end:
            meanwhile()
        ended = self._kill(share)
        assert ended == str(-signal.SIGKILL), "\n".join(log.read_text()[-3000:] for log in self.logs)
        self._start(share)

    def close(self):
        for share, pid in enumerate(self._pids):
            if pid:
                self._kill(share)
        self._parent.communicate(timeout=20)


def holds_and_waits(event):
    """Who has a place or an offer, and who waits for one, by one query, as at one moment."""
    rows = list(Rsvp.objects.filter(event=event).order_by("pk"))
    silent = {row.pk for row in rows if row.offer_ended_at is not None and row.offer_ended_at > row.answered_at}
    holds = [row for row in rows if row.choice in ("going", "offered")]
    return holds, [row for row in rows if row.choice == "waiting" and row.pk not in silent]


def look(event):
    """Never more than ten, and nobody who came later has a place while somebody waits. Returns how many are free."""
    holds, waits = holds_and_waits(event)
    free = CAPACITY - sum(1 + row.plus_ones for row in holds)
    assert free >= 0, f"{CAPACITY - free} of {CAPACITY}"
    assert not waits or max((row.pk for row in holds), default=0) < waits[0].pk, "somebody has overtaken"
    return free


def too_few():
    """Whether hardly anybody was told of a place yet, as on a machine that is busy."""
    kinds = Counter(GuestMessage.objects.values_list("kind", flat=True))
    return kinds[MessageKind.PLACE] < KILLS // 4 or kinds[MessageKind.OFFERED] < KILLS // 8


def told(event, row, kind):
    person = {"member": row.member_id} if row.member_id else {"did": row.did}
    return GuestMessage.objects.filter(event=event, kind=kind, **person).count()


def test_places_are_given_whatever_is_killed(alice, tmp_path, count):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    full, offering = crowded(alice, "full"), crowded(alice, "offering", offer_hours=6)
    at_first = set(Rsvp.objects.filter(choice="going").values_list("pk", flat=True))
    crew, looks, fullest = Crew(tmp_path, random.Random(seed), (full, offering)), 0, 0

    def meanwhile():
        nonlocal looks, fullest
        for event in (full, offering):
            fullest = max(fullest, CAPACITY - look(event))
        looks += 1
        time.sleep(0.03)

    try:
        end = time.monotonic() + PATIENCE
        while len(crew.logs) < KILLS or (too_few() and time.monotonic() < end):
            crew.kill_one(meanwhile)
    finally:
        crew.close()
    time.sleep(0.5)  # on PostgreSQL the server may be about to notice that the last one is gone
    texts = [log.read_text().split() for log in crew.logs]
    done = Counter(word for words in texts for word in words)
    unfinished = sum(words[-1:] not in ([], ["."]) for words in texts)
    places.fill_all()
    places.pass_offers_on()
    messages = GuestMessage.objects.filter(event__in=(full, offering))
    kinds = Counter(messages.values_list("kind", flat=True))
    count(
        f"{len(crew.logs)} kills, {unfinished} within an action; {done['leave']} left, {done['join']} joined, "
        f"{kinds['place']} were given a place, {kinds['offered']} offered one, {kinds['answer']} let it run out; "
        f"{looks} looks, {fullest} of {CAPACITY} at most"
    )
    assert fullest == CAPACITY
    assert not too_few()
    for event in (full, offering):
        free, (holds, waits) = look(event), holds_and_waits(event)
        assert waits
        assert free < 1 + waits[0].plus_ones, f"{free} free places, and the first who waits is forgotten"
        kind = MessageKind.OFFERED if event == offering else MessageKind.PLACE
        for row in holds:
            assert told(event, row, kind) == (row.pk not in at_first), f"{row.pk} {row.choice}"
        for row in waits:
            assert not told(event, row, kind), f"{row.pk} waits, and was told of a place"
    twice = [key for key, times in Counter(messages.values_list("event", "reader", "kind")).items() if times > 1]
    assert not twice
