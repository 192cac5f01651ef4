"""Fifty people answer at once for ten places, then a crowd withdraws at once: what holds after each single change."""

import threading

import pytest
from django.db import connection
from django.db.models.signals import post_delete, post_save

from elonara.events.guests import places, rsvps
from elonara.events.messages.models import GuestMessage, MessageKind
from elonara.events.models import Rsvp

CAPACITY, GUESTS = 10, 50
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_value_on_postgres]


class Watch:
    """Follows the answers to an event in the order in which their transactions had its lock.

    Signals come inside of the transaction, so `faults` names every moment with too many, also one that was over soon.
    """

    def __init__(self, event):
        self.event, self.order, self.promoted, self.faults = event, [], [], []

    def __enter__(self):
        for signal, sender in ((post_save, Rsvp), (post_delete, Rsvp), (post_save, GuestMessage)):
            signal.connect(self._seen, sender=sender, weak=False, dispatch_uid="watch")
        return self

    def __exit__(self, *_):
        for signal, sender in ((post_save, Rsvp), (post_delete, Rsvp), (post_save, GuestMessage)):
            signal.disconnect(sender=sender, dispatch_uid="watch")

    def _seen(self, sender, instance, signal, **_):
        did, first = instance.did, self.order[0] if self.order else None
        if sender is GuestMessage:
            assert instance.kind == MessageKind.PLACE
            if did != first:
                self.faults.append(f"{did} has a place before {first}")
            self.promoted.append(did)
        if signal is post_save and sender is Rsvp and instance.choice == "waiting":
            self.order.append(did)
        elif did in self.order:
            self.order.remove(did)
        elif signal is post_save and sender is Rsvp and instance.choice == "going" and self.order:
            self.faults.append(f"{did} has a place, and {first} waits")
        if (taken := places.taken(self.event)) > CAPACITY:
            self.faults.append(f"{taken} places are taken once {did} is {instance}")


def at_once(calls):
    """Run each call in a thread of its own, all starting together; returns what they raised."""
    together, raised = threading.Barrier(len(calls)), []

    def run(call):
        try:
            together.wait(10)
            call()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test reports it
            raised.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def check(event, watch):
    """All places are taken, or whoever is first does not fit; the others wait in the order in which they were seen."""
    assert watch.faults == []
    waiting = list(Rsvp.objects.filter(event=event, choice="waiting").order_by("waiting_since", "pk"))
    assert waiting
    assert [row.did for row in waiting] == watch.order
    assert [places.position(row) for row in waiting] == list(range(1, len(waiting) + 1))
    taken = places.taken(event)
    assert taken <= CAPACITY < taken + 1 + waiting[0].plus_ones


@pytest.mark.parametrize("most", [0, 2])
def test_fifty_answers_at_once_take_exactly_ten_places(make_event, most):
    event = make_event(capacity=CAPACITY, plus_ones_allowed=most)

    def going(number):
        more = number % (most + 1)
        return lambda: rsvps.respond(event, choice="going", did=f"did:plc:p{number}", invited=True, plus_ones=more)

    def leaves(row):
        if row.pk % 2:
            return lambda: rsvps.withdraw(event, did=row.did)
        return lambda: rsvps.respond(event, choice="cant", did=row.did, invited=True)

    with Watch(event) as watch:
        assert at_once([going(number) for number in range(GUESTS)]) == []
        assert Rsvp.objects.filter(event=event, choice__in=("going", "waiting")).count() == GUESTS
        assert watch.promoted == []
        check(event, watch)
        holding = list(Rsvp.objects.filter(event=event, choice="going").order_by("pk"))
        waiting = list(Rsvp.objects.filter(event=event, choice="waiting").order_by("pk"))
        leaving = [*holding[: len(holding) - 1], *waiting[::6]]
        newcomers = [going(3 * number) for number in range(GUESTS, GUESTS + 10)]  # who bring nobody, and fit first
        assert at_once([*map(leaves, leaving), *newcomers, places.fill_all, places.fill_all]) == []
        check(event, watch)
    told = GuestMessage.objects.filter(event=event, kind=MessageKind.PLACE)
    assert sorted(told.values_list("did", flat=True)) == sorted(set(watch.promoted))
    assert len(watch.promoted) == len(set(watch.promoted)) >= 3
    if not most:
        assert places.taken(event) == CAPACITY
