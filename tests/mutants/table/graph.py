"""The stored graph: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

CIRCLES = "tests/unit/bluesky/graph/circles"
SYNC = "tests/unit/bluesky/graph/test_sync.py"

MUTANTS = (
    Mutant(
        "graph-kept-at-disconnect",
        "bluesky/graph/sync.py",
        "hooks.on_disconnect.add(disconnected)",
        "hooks.on_disconnect.add(lambda member_id, did: None)",
        "who disconnected leaves her people behind",
        (f"{SYNC}:test_disconnecting_takes_everybody_away_at_once_and_deletes_them",),
    ),
    Mutant(
        "syncs-use-the-whole-limit",
        "bluesky/rate_budgets.py",
        "SHARE_LEFT_BY_SYNCS * limit + REQUESTS_UNDER_WAY, limit - 1",
        "0, limit - 1",
        "reading people uses up what invitations need",
        ("tests/unit/bluesky/test_rate_budgets.py:test_syncs_leave_half_of_the_limit_by_address_to_others",),
    ),
    Mutant(
        "empty-page-is-the-end",
        "bluesky/graph/passes/one_pass.py",
        "after = {} if last.cursor and not too_many",
        "after = {} if last.cursor and people and not too_many",
        "an empty page in the middle ends a list, and the people after it are taken for gone",
        (f"{SYNC}:test_pages_can_be_short_or_empty_and_lists_move_while_they_are_read",),
    ),
    Mutant(
        "unknown-counts-as-known",
        "bluesky/graph/store.py",
        "seen: KnownRow | Person = person if person.known else row",
        "seen: KnownRow | Person = person",
        "reading without permission forgets blocks and mutes",
        ("tests/unit/bluesky/graph/test_store.py:test_without_viewer_state_only_names_are_newer",),
    ),
    Mutant(
        "circles-stored-after-disconnect",
        "bluesky/graph/circles/due_reads.py",
        "return self._rows().select_for_update().first() is not None",
        "return self._rows() is not None",
        "a list that is being read is stored for who has disconnected meanwhile",
        (
            f"{CIRCLES}/test_bluesky_lists.py:test_no_list_is_stored_for_who_disconnects_meanwhile",
            f"{CIRCLES}/test_conversations.py:TestTheJob.test_nothing_is_stored_for_who_disconnects_meanwhile",
        ),
    ),
    Mutant(
        "lists-use-the-whole-limit",
        "bluesky/graph/circles/bluesky_lists.py",
        "if (until := reader.rests_until()) is not None:",
        "if (until := reader.rests_until()) is not None and cursor:",
        "reading lists uses up what invitations need",
        (f"{CIRCLES}/test_bluesky_lists.py:test_inviting_goes_before_reading_lists",),
    ),
    Mutant(
        "moderation-lists-offered",
        "bluesky/graph/circles/bluesky_lists.py",
        'if item.get("purpose") == CURATE and',
        "if",
        "people whom a member blocks by a list are offered to be invited",
        (f"{CIRCLES}/test_bluesky_lists.py:test_lists_to_moderate_are_not_hers_to_invite",),
    ),
    Mutant(
        "who-may-not-act-reads",
        "bluesky/graph/circles/on_request.py",
        "    require_active(by)\n",
        "",
        "the site reads Bluesky for who is suspended or waits for approval",
        (f"{CIRCLES}/test_on_request.py:test_the_site_goes_nowhere_for_who_may_not_act",),
    ),
)
