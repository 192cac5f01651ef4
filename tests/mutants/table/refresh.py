"""Refresh of tokens: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

APP_PASSWORDS = "tests/unit/bluesky/app_password/test_refresh.py"

MUTANTS = (
    Mutant(
        "refresh-token-kept",
        "bluesky/oauth/sessions.py",
        'values["bsky_refresh_token_enc"] = tokens.refresh_token.reveal()',
        "pass",
        "a used refresh token is used again, which ends the session",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_two_refreshes_use_two_tokens",),
    ),
    Mutant(
        "refresh-without-lease",
        "bluesky/refresh_lease.py",
        "lease = take_lease(model, pk, owner, REFRESH_LEASE_SECONDS)",
        "lease = Lease(model, pk, owner, _read(model, pk).lease_fence, give_up_at)",
        "two processes use one refresh token at the same time",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_threads_that_refresh_at_once_use_one_token",),
    ),
    Mutant(
        "refresh-not-read-again",
        "bluesky/refresh_lease.py",
        "return usable(row) or refresh(row, lease)",
        "return refresh(row, lease)",
        "who waited for the lease refreshes once more",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_a_refresh_that_has_just_ended_is_not_repeated",),
    ),
    Mutant(
        "refresh-not-marked",
        "bluesky/oauth/sessions.py",
        "if not lease.update(attempt_started_at=timezone.now()):",
        "if False:",
        "a refresh that was broken off looks as if the member had ended the session",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_a_refresh_that_was_broken_off_is_remembered",),
    ),
    Mutant(
        "refresh-stored-late",
        "bluesky/oauth/sessions.py",
        "        lease.rows()\n        .filter(",
        "        MemberIdentity.objects.filter(pk=identity.pk)\n        .filter(",
        "a slow refresh overwrites the session of a new connect",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_a_refresh_that_is_overtaken_by_a_connect_stores_nothing",),
    ),
    Mutant(
        "ambiguous-refresh-forgotten",
        "bluesky/oauth/sessions.py",
        "        if not fault.ambiguous:\n            lease",
        "        if True:\n            lease",
        "a refresh without an answer counts as not sent",
        ("tests/unit/bluesky/oauth/test_sessions.py:test_a_refresh_that_was_broken_off_is_remembered",),
    ),
    Mutant(
        "broken-refresh-waits-for-ever",
        "bluesky/app_password/sessions.py",
        "return failed and since is not None and timezone.now() - since >= REFRESH_GIVEN_UP_AFTER",
        "return False",
        "posts wait for ever at a server that refreshes no session",
        (f"{APP_PASSWORDS}:test_a_server_that_fails_to_refresh_for_ten_minutes_is_asked_for_a_new_session",),
    ),
    Mutant(
        "broken-refresh-counted-anew",
        "bluesky/app_password/sessions.py",
        "attempt_started_at=row.attempt_started_at or timezone.now()",
        "attempt_started_at=timezone.now()",
        "the time since when a server fails begins anew with each try, so it never comes to a new session",
        (f"{APP_PASSWORDS}:test_a_server_that_fails_to_refresh_for_ten_minutes_is_asked_for_a_new_session",),
    ),
)
