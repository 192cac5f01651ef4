"""People of a stored graph, written straight into it, with names in many alphabets."""

from __future__ import annotations

import random
from typing import Final

from django.utils import timezone

from elonara import folding
from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph

FIRST_NAMES: Final = (
    "Łukasz", "ÉVA", "İstanbul", "Ann", "Anna-Maria", "Jürgen", "Øyvind", "Мария", "Юлия", "Ελένη", "Γιώργος",
    "田中さくら", "ｻｸﾗ", "김민준", "שרה", "محمد", "🌸 Rose", "👩‍👩‍👧 Lee", "e\u0301ric", "हिन्दी", "100%", "under_score",
    'O"Neil', "O'Brien", "<b>Bo</b>", "", "", "Smith", "ㅤ", "Zoë\u202e",
)  # fmt: skip
LAST_NAMES: Final = (
    "Nowak", "Kovács", "Sørensen", "Weber", "Иванова", "Παππάς", "佐藤", "كريم", "לוי", "Lindberg", "(she/her)", "🎉",
    "a%b_c", "", "x" * 600, "ann.example", "--", "Tanaka",
)  # fmt: skip


def crowd(size: int, seed: int = 11) -> tuple[StoredGraph, list[KnownPerson]]:
    """A graph with `size` people in all classes, and these people; another member's graph is beside it."""
    chance = random.Random(seed)
    graph, other = (StoredGraph.objects.create(bsky_did=f"did:plc:{name}") for name in ("host", "other"))
    people = [_person(graph, number, chance) for number in range(size)]
    KnownPerson.objects.bulk_create([*people, *(_person(other, number, chance) for number in range(size // 10))])
    return graph, people


def _person(graph: StoredGraph, number: int, chance: random.Random) -> KnownPerson:
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}".strip()[:640]
    handle = "handle.invalid" if number % 50 == 7 else f"{chance.choice(['ann', 'so', 'lee-k', 'tan'])}{number}.example"
    follows_you, you_follow = chance.random() < 0.7, chance.random() < 0.4
    people_class = search_index.people_class(follows_you=follows_you, you_follow=you_follow)
    now = timezone.now()
    return KnownPerson(
        graph=graph,
        did=f"did:plc:p{number}",
        handle=handle,
        display_name=name,
        text=folding.index_text(name, handle),
        sort_name=folding.fold(name or handle)[:100],
        rank=search_index.rank(graph.pk, people_class, number * 97 - 9000),
        serial=number * 97 - 9000,
        follows_you=follows_you,
        you_follow=you_follow,
        follower_position=number if follows_you else None,
        follow_position=-number if you_follow else None,
        talked=number % 4 if number % 9 == 0 else 0,
        talked_at=now if number % 9 == 0 else None,
        known=True,
        first_seen_at=now,
        seen_at=now,
    )
