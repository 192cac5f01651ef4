"""Fills the database of a site that is not running: Alice, her community, thirty events, and sixty guests of one.

Bruna hosts nothing. Both follow half of the guests.

ELONARA_DATA_DIR=… DJANGO_SETTINGS_MODULE=elonara.config.settings python -m tests.browser.listed_events PASSWORD
"""

import sys
from datetime import timedelta

import django

NAMES = [
    "Łukasz Kowalski", "Änne Öğe", "田中さくら", "ليلى الحداد", "✨🌻 mossy frog prince 🐸🍄✨",
    "Maximiliana Theodora von Hohenstein-Württemberg-Oberndorf", "W" * 100,
]  # fmt: skip
NOTE = "We come by bicycle, and bring the big pot, plates for twelve and two benches that somebody has to carry."


def seed(password):
    """Write it all."""
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from tests.fakes.graph import somebody
    from tests.fakes.known import graph_with

    from elonara.bluesky.graph.models import StoredGraph
    from elonara.bluesky.models import MemberIdentity
    from elonara.communities import actions as communities
    from elonara.events import actions as events
    from elonara.events.guests import questions
    from elonara.events.models import GivenAnswer, Rsvp
    from elonara.members.models import Member

    now = timezone.now()
    alice = Member.objects.create_user("alice", password=password, display_name="Alice Moreira")
    bruna = Member.objects.create_user("bruna", password=password, display_name="Bruna Costa")
    for member in (alice, bruna):
        MemberIdentity.objects.create(
            member=member, bsky_did=f"did:plc:{member.username:a<24}", bsky_handle=f"{member.username}.example",
            state="active", pds_url="https://pds.example", state_reason="", connected_at=now,
        )  # fmt: skip
    circle = communities.create(alice, name="Bread Circle")
    for number in range(30):
        made = events.create(
            alice, title=f"Walk {number}", starts_at=now + timedelta(hours=1 + 20 * number), timezone="Europe/Lisbon",
            location="Boathouse lawn, Lisbon", community=circle if number % 3 == 0 else None,
            capacity=1 if number % 5 == 0 else 12, plus_ones_allowed=3,
        )  # fmt: skip
        if number % 5 == 0:
            Rsvp.objects.create(event=made, did="did:plc:full", name="Full", choice="going")
    supper = events.create(
        alice, title="Winter supper", starts_at=now + timedelta(days=3), timezone="Pacific/Auckland",
        location="The hall", plus_ones_allowed=3, attendance="both", online_link="https://call.example/x",
    )  # fmt: skip
    diet, car = questions.ask(
        supper, alice, [{"text": "What do you eat?", "required": True}, {"text": "Do you need a seat in a car?"}]
    )
    for number in range(60):
        name = NAMES[number] if number < len(NAMES) else f"Guest {number}"
        row = Rsvp.objects.create(
            event=supper, did=f"did:plc:guest{number}", name=name,
            handle="" if number % 3 else f"guest{number}.example",
            choice=("going", "going", "going", "maybe", "cant")[number % 5], plus_ones=number % 4,
            online=number % 7 == 6, note=NOTE if number % 6 == 0 else "",
        )  # fmt: skip
        if number % 2:
            GivenAnswer.objects.create(rsvp=row, question=diet, value="Everything but nuts, please")
            GivenAnswer.objects.create(rsvp=row, question=car, value="No")
    for member in (alice, bruna):
        StoredGraph.objects.filter(member=member).delete()
        graph_with(member, [somebody(f"guest{number}", known=True) for number in range(30)], due_at=None)


if __name__ == "__main__":
    django.setup()
    seed(sys.argv[1])
