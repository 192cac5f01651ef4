"""Answers, offers, decisions of hosts, edits and deletions in any order: what always holds of the places."""

import contextlib
from datetime import timedelta

from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from elonara.events import actions
from elonara.events.guests import approval, by_host, offers, places, questions, rsvps
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

WHO = st.sampled_from("abcde")
REFUSED = (Invalid, NotAllowed)


class Guests(RuleBasedStateMachine):
    """Never more people than places, nobody comes whom the hosts declined, and nobody who waits is passed over."""

    host = None

    def __init__(self):
        super().__init__()
        number = Event.objects.count()
        start = timezone.now() + timedelta(days=3)
        self.event = actions.create(
            self.host, title=f"Picnic {number}", starts_at=start, timezone="UTC", capacity=3, plus_ones_allowed=2,
            attendance="both", online_capacity=2,
        )  # fmt: skip
        self.ceiling = {False: 3, True: 2}

    def of(self, who):
        return Rsvp.objects.filter(event=self.event, did=f"did:plc:{who}").first() or Rsvp(pk=0)

    def set(self, **fields):
        actions.change(self.event, by=self.host, **fields)
        self.event.refresh_from_db()
        self.ceiling = {way: max(places.limit(self.event, way), places.taken(self.event, way)) for way in (True, False)}
        for listener in (places.settings_changed, approval.settings_changed):
            listener(self.event, frozenset(fields))

    @rule(
        who=WHO, choice=st.sampled_from(["going", "going", "maybe", "cant"]), plus_ones=st.integers(0, 2),
        online=st.booleans(),
    )  # fmt: skip
    def answer(self, who, choice, plus_ones, online):
        before = self.of(who)
        try:
            rsvps.respond(
                self.event, choice=choice, did=f"did:plc:{who}", invited=True, plus_ones=plus_ones, online=online
            )
        except REFUSED:
            assert (self.of(who).choice, self.of(who).online) == (before.choice, before.online)
        else:
            assert before.choice != "going" or choice != "going" or self.of(who).choice == "going"

    @rule(who=WHO)
    def withdraw(self, who):
        rsvps.withdraw(self.event, did=f"did:plc:{who}")

    @rule(who=WHO)
    def offer_runs_out(self, who):
        rows = Rsvp.objects.filter(event=self.event, did=f"did:plc:{who}", choice="offered")
        rows.update(offered_until=timezone.now())
        places.pass_offers_on()

    @rule(who=WHO, decide=st.sampled_from([approval.accept, approval.decline]))
    def decided(self, who, decide):
        with contextlib.suppress(*REFUSED):
            decide(self.event, self.host, self.of(who).pk)

    @rule(who=WHO, choice=st.sampled_from(["going", "maybe", "cant"]), plus_ones=st.integers(0, 2))
    def corrected(self, who, choice, plus_ones):
        with contextlib.suppress(*REFUSED):
            by_host.set_answer(self.event, self.host, self.of(who).pk, choice, plus_ones)

    @precondition(lambda self: Rsvp.objects.filter(event=self.event).count() < 8)
    @rule(plus_ones=st.integers(0, 1))
    def added_by_name(self, plus_ones):
        by_host.add(self.event, self.host, "Cora", plus_ones=plus_ones)

    @rule(who=WHO)
    def merged_with_a_name(self, who):
        name = Rsvp.objects.filter(event=self.event, did="", member=None).first()
        with contextlib.suppress(*REFUSED):
            by_host.merge(self.event, self.host, self.of(who).pk, name.pk if name else 0)

    @rule(plus_ones=st.integers(0, 2))
    def a_member_answers_and_deletes_the_account(self, plus_ones):
        member = Member.objects.create_user(f"guest{Member.objects.count()}-{timezone.now().timestamp()}")
        rsvps.respond(self.event, choice="going", member=member, plus_ones=plus_ones)
        member.delete()
        places.fill_all()

    @rule(capacity=st.integers(1, 5), name=st.sampled_from(["capacity", "online_capacity"]))
    def other_number_of_places(self, capacity, name):
        self.set(**{name: capacity})

    @rule(hours=st.sampled_from([0, 6]))
    def offered_or_given(self, hours):
        self.set(offer_hours=hours)

    @rule(wanted=st.booleans())
    def approval_is_asked_for(self, wanted):
        self.set(approval=wanted)

    @rule(required=st.booleans(), text=st.sampled_from(["Diet?", "Car?"]))
    def questions_change(self, required, text):
        asked = questions.of_event(self.event)
        wanted = {"id": asked[0].pk if asked else None, "text": text, "required": required}
        questions.ask(self.event, self.host, [wanted])
        questions.ask(self.event, self.host, [wanted | {"required": False}])

    @invariant()
    def places_hold(self):
        rows = list(Rsvp.objects.filter(event=self.event).order_by("waiting_since", "pk"))
        silent = [row for row in rows if self.event.offer_hours and offers.silent_since(row)]
        for way in (True, False):
            holding = [row for row in rows if row.choice in ("going", "offered") and row.online == way]
            taken, most = sum(1 + row.plus_ones for row in holding), places.limit(self.event, way)
            assert taken == places.taken(self.event, way) <= max(self.ceiling[way], most)
            self.ceiling[way] = max(most, taken)
            waits = (row for row in rows if row.choice == "waiting" and row.online == way and row not in silent)
            first = next(waits, None)
            assert first is None or 1 + first.plus_ones > places.left(self.event, way)
        for row in rows:
            assert (row.waiting_since is not None) == (row.choice in ("waiting", "offered"))
            assert (row.offered_until is not None) == (row.choice == "offered")
            assert row.refused_at is None or row.choice in ("refused", "cant")
            assert row.choice != "asked" or self.event.approval


def test_any_order_keeps_the_places(alice):
    Guests.host = alice
    checks = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Guests, settings=checks)
