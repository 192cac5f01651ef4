"""Fills the database of a site that is not running: Alice, some events of hers, and 5,000 people whom she knows.

ELONARA_DATA_DIR=… DJANGO_SETTINGS_MODULE=elonara.config.settings python -m tests.browser.stored_people PASSWORD
"""

import sys
from datetime import timedelta

import django

COUNT, EVENTS = 5000, 20
ODD = [
    ("ليلى الحداد", "layla.example"), ("נועה לוי", "noa.example"), ("✨🌻 mossy frog prince 🐸🍄✨", "mossy.example"),
    ("Z" + "\u0301\u0335" * 40 + "algo", "zalgo.example"), ("", "no-name.example"), ("\u200b", "handle.invalid"),
    ("<script>alert(1)</script>", "markup.example"), ("W" * 640, "wide.example"), ("\u202etxt.exe", "bidi.example"),
    ("田中さくら", "sakura-t.example"), ("Maximiliana Theodora von Hohenstein-Württemberg-Oberndorf",
     "maximiliana-theodora.people-of-the-upper-valley.example"),
]  # fmt: skip


def people():
    """Every other one is mutual; among them twelve Sakura Tanakas, many Łukasz and names of all kinds."""
    from elonara.bluesky.identity.people import Person

    for number in range(COUNT):
        name, handle = f"Friend {number}", f"friend{number}.example"
        if number % 400 == 200:
            name = "Sakura Tanaka" if number % 800 == 200 else "Tanaka Sakurako"
        elif number % 100 == 50:
            name = "Łukasz Kowalski"
        elif 30 <= number < 30 + len(ODD):
            name, handle = ODD[number - 30]
        picture = f"https://cdn.bsky.app/img/avatar/plain/did:plc:x/{number}@jpeg" if number % 3 == 0 else ""
        mutual, follows = number % 2 == 0, number % 5 != 4
        yield Person(
            f"did:plc:{number:024}", handle, name, picture, follows_you=mutual or follows or number == COUNT - 1,
            you_follow=mutual or not follows, blocked_by=number == 12,
        )  # fmt: skip


def seed(password):
    """Write it all."""
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from elonara import folding
    from elonara.bluesky.graph import search_index
    from elonara.bluesky.graph.models import KnownPerson, StoredGraph
    from elonara.bluesky.models import MemberIdentity
    from elonara.events import actions as events
    from elonara.members.models import Member

    now, did = timezone.now(), "did:plc:alicealicealicealicealic"
    alice = Member.objects.create_user("alice", password=password, display_name="Alice Moreira")
    MemberIdentity.objects.create(
        member=alice, bsky_did=did, bsky_handle="alice.example", pds_url="https://pds.example", state="active",
        state_reason="", connected_at=now,
    )  # fmt: skip
    for number in range(1, EVENTS + 1):
        starts_at = now + timedelta(days=12)
        events.create(alice, title=f"Winter picnic {number}", starts_at=starts_at, timezone="Europe/Lisbon")
    StoredGraph.objects.filter(member=alice).delete()
    read_at = now - timedelta(hours=3)
    graph = StoredGraph.objects.create(member=alice, bsky_did=did, state="done", known=True, read_at=read_at)
    rows = []
    for serial, one in enumerate(people()):
        kind = search_index.people_class(follows_you=one.follows_you, you_follow=one.you_follow)
        rows.append(KnownPerson(
            graph=graph, did=one.did, handle=one.handle, display_name=one.display_name, avatar=one.avatar,
            text=folding.index_text(one.display_name, one.handle), sort_name=folding.fold(one.name)[:100],
            rank=search_index.rank(graph.pk, kind, serial), serial=serial, follows_you=one.follows_you,
            you_follow=one.you_follow, blocked_by=one.blocked_by, known=True, first_seen_at=now, seen_at=now,
            follower_position=serial if one.follows_you else None, follow_position=serial if one.you_follow else None,
        ))  # fmt: skip
    KnownPerson.objects.bulk_create(rows, batch_size=1000)
    stored = KnownPerson.objects.filter(graph=graph)
    StoredGraph.objects.filter(pk=graph.pk).update(
        followers=stored.filter(follows_you=True).count(), follows=stored.filter(you_follow=True).count(),
        mutuals=stored.filter(follows_you=True, you_follow=True).count(), known_people=len(rows), due_at=None,
    )  # fmt: skip


if __name__ == "__main__":
    django.setup()
    seed(sys.argv[1])
