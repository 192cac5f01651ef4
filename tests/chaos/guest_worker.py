"""A process that forks others, in which people join, leave and take offers without a pause, until they are killed.

`guest_worker.py SHARES FULL OFFERING`: the ids of an event that fills by itself and of one that offers its places. It
reads from its input `start SEED SHARE LOG`, and answers with the id of the new process, and `kill ID`, and answers with
how that process has ended. A new process acts for every SHARES-th answer alone, so that nobody who left is brought back
by another one. Its log has the name of each action, and a full stop once the action is over.
"""

import os
import random
import signal
import sys

import django

django.setup()

from django.utils import timezone  # noqa: E402 - these need the settings

from elonara.engines import handlers  # noqa: E402
from elonara.events.guests import places, rsvps  # noqa: E402
from elonara.events.models import Event, Rsvp  # noqa: E402

SHORTEST_LIST = 12  # answers: nobody leaves while fewer wait, so that newcomers always wait

chance, share, full, offering = random.Random(), 0, None, None
shares = int(sys.argv[1])


def one(event, **wanted):
    """One answer of this process's share, or None."""
    found = [row for row in Rsvp.objects.filter(event=event, **wanted) if row.pk % shares == share]
    return chance.choice(found) if found else None


def join():
    did = f"did:plc:{chance.getrandbits(64):016x}"
    event = chance.choice((full, offering))
    rsvps.respond(event, choice="going", did=did, invited=True, plus_ones=chance.randrange(3))


def leave():
    event = chance.choice((full, offering))
    row = one(event, choice__in=chance.choice((("going",), ("going",), ("offered",), ("waiting",))))
    if row is None or Rsvp.objects.filter(event=event, choice="waiting").count() < SHORTEST_LIST:
        return
    if chance.random() < 0.5:
        rsvps.withdraw(event, member=row.member, did=row.did)
    else:
        rsvps.respond(event, choice="cant", member=row.member, did=row.did, invited=True)


def delete_account():
    """Frees a place that only `fill_all` finds."""
    row = one(full, choice="going", member__isnull=False)
    if row is not None:
        row.member.delete()


def take_an_offer():
    """Half of the people take theirs; those of the others run out."""
    row = one(offering, choice="offered", plus_ones__gt=0)
    if row is not None:
        rsvps.respond(offering, choice="going", member=row.member, did=row.did, invited=True, plus_ones=row.plus_ones)


def let_an_offer_run_out():
    row = one(offering, choice="offered", plus_ones=0)
    if row is not None:
        Rsvp.objects.filter(pk=row.pk, choice="offered").update(offered_until=timezone.now())


ACTIONS = {
    join: 4,
    leave: 8,
    delete_account: 0.5,
    take_an_offer: 3,
    let_an_offer_run_out: 3,
    places.fill_all: 1,
    places.pass_offers_on: 1,
}


def work(parent):
    """Until it is killed, or nobody is left to kill it."""
    while os.getppid() == parent:
        action = chance.choices([*ACTIONS], [*ACTIONS.values()])[0]
        print(action.__name__, flush=True)
        action()
        print(".", flush=True)


if __name__ == "__main__":
    handlers.load()
    me = os.getpid()
    for line in sys.stdin:
        match line.split(maxsplit=3):
            case "start", seed, own, log:
                if child := os.fork():
                    print(child, flush=True)
                    continue
                output = os.open(log.strip(), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(output, 1)
                os.dup2(output, 2)
                chance.seed(int(seed))
                share = int(own)
                full, offering = (Event.objects.get(pk=int(pk)) for pk in sys.argv[2:])
                work(me)
                break
            case "kill", pid:
                os.kill(int(pid), signal.SIGKILL)  # a child is there until it is waited for, also one that has ended
                print(os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1]), flush=True)
