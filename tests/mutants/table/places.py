"""Places and the waiting list: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

PLACES = "events/guests/places.py"
TESTS = "tests/unit/events/guests/test_places.py"

MUTANTS = (
    Mutant(
        "guests-of-guests-not-counted",
        PLACES,
        'return int(totals["answers"]) + int(totals["more"] or 0)',
        'return int(totals["answers"])',
        "people whom guests bring take no place, and more come than there are places",
        (f"{TESTS}:test_people_whom_guests_bring_take_places",),
    ),
    Mutant(
        "one-place-too-many",
        PLACES,
        "if moves and wanted <= free and not waits.exists():",
        "if moves and wanted <= free + 1 and not waits.exists():",
        "one person more than the capacity gets a place",
        (f"{TESTS}:test_who_comes_when_it_is_full_waits_in_the_order_of_answers",),
    ),
    Mutant(
        "waiting-list-overtaken",
        PLACES,
        "if moves and wanted <= free and not waits.exists():",
        "if moves and wanted <= free:",
        "who answers late takes the place of somebody who waits for more of them",
        (f"{TESTS}:test_nobody_overtakes_who_needs_more_places",),
    ),
    Mutant(
        "waiting-list-skips",
        PLACES,
        "            if 1 + row.plus_ones > free:\n                break",
        "            if 1 + row.plus_ones > free:\n                continue",
        "a free place goes past the first who waits",
        (f"{TESTS}:test_nobody_overtakes_who_needs_more_places",),
    ),
    Mutant(
        "anybody-gives-places",
        PLACES,
        "if not may_manage(event, by):",
        "if not may_manage(event, by) and not by.pk:",
        "any member gives places at events of others",
        (f"{TESTS}:test_the_host_gives_places_by_hand",),
    ),
    Mutant(
        "waiting-filled-after-the-cutoff",
        PLACES,
        "elif event.fills_by_itself and offers.still_fills(event):",
        "elif event.fills_by_itself:",
        "somebody is told hours before the beginning that she comes",
        (f"{TESTS}:test_after_the_cutoff_nobody_is_promoted",),
    ),
)
