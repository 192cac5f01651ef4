"""Forms, links and signing in: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "next-leaves-the-site",
        "web/shortcuts.py",
        'or wanted.startswith(("//", "/\\\\"))',
        "or False",
        "a link of ours leads to another site",
        ("tests/unit/web/test_attacks.py:test_next_never_leads_to_another_site",),
    ),
    Mutant(
        "sign-in-from-elsewhere",
        "web/shortcuts.py",
        'return site in {"same-origin", "none"}',
        "return True",
        "another site starts a sign-in",
        ("tests/unit/web/test_attacks.py:TestForcedSignIn.test_another_site_cannot_start_a_sign_in",),
    ),
    Mutant(
        "token-without-csrf",
        "api/me.py",
        "if check_csrf(request) is not None:",
        "if False:",
        "another site gets an API token by a visitor's cookie",
        ("tests/unit/api/test_tokens.py:test_a_session_without_its_csrf_token_gives_nothing",),
    ),
    Mutant(
        "member-switched",
        "web/callback.py",
        "if member is not None and member.pk != identity.member_id:",
        "if False:",
        "a sign-in from elsewhere replaces the member who is signed in",
        (
            "tests/unit/web/test_attacks.py:TestForcedSignIn.test_a_sign_in_started_before_does_not_replace_the_signed_in_member",
        ),
    ),
    Mutant(
        "session-fixed",
        "web/callback.py",
        "request.session.cycle_key()",
        "pass",
        "a session that somebody knew before holds a proof",
        ("tests/unit/web/invitations/test_invited.py:test_a_proof_comes_with_a_new_session_key",),
    ),
    Mutant(
        "offer-never-ends",
        "web/proofs.py",
        "timezone.now().timestamp() - NEWCOMER_SECONDS",
        "0",
        "who comes next to the same screen takes the account",
        ("tests/unit/web/test_attacks.py:TestSomebodyElseAtTheSameBrowser.test_the_offer_ends_after_ten_minutes",),
    ),
    Mutant(
        "old-session-changes-sign-in",
        "web/members/fresh_proof.py",
        'raise_if_reauthentication_required(request, app="elonara")',
        "pass",
        "an open session is enough for a first password",
        ("tests/unit/web/members/test_fresh_proof.py:TestWithoutAPassword.test_a_first_password_is_not_set",),
    ),
    Mutant(
        "first-session-for-anybody",
        "bluesky/connections/first_session.py",
        'row.payload.get("tokens", {}).get("did") != did',
        "False",
        "the permission over one account is kept for another",
        (
            "tests/unit/web/members/test_sign_in_to_invite.py:TestSomebodyElse."
            "test_the_session_of_one_account_is_not_kept_for_another",
        ),
    ),
    Mutant(
        "first-session-of-a-suspended-member",
        "bluesky/connections/first_session.py",
        "if not members.may_act(Member.objects.filter(pk=member.pk).first()):",
        "if False:",
        "a permission is kept for an account that may not act",
        (
            "tests/unit/web/members/test_sign_in_to_invite.py:TestTime."
            "test_a_member_suspended_at_the_last_moment_keeps_nothing",
        ),
    ),
    Mutant(
        "first-session-left-to-the-next",
        "web/members/accounts.py",
        "        end_permission(request)\n        # A member",
        "        # A member",
        "who signs in next in a browser leaves a permission over somebody else's account alive",
        (
            "tests/unit/web/members/test_sign_in_to_invite.py:TestSomebodyElse."
            "test_who_signs_in_by_password_next_gets_no_permission",
        ),
    ),
    Mutant(
        "first-session-though-closed",
        "bluesky/connections/first_session.py",
        'return members.registration_mode() == "open"',
        "return True",
        "a permission is asked for and waits where no account can follow",
        (
            "tests/unit/web/members/test_sign_in_to_invite.py:TestRegistration."
            "test_that_changes_before_she_is_back_revokes_at_once",
        ),
    ),
    Mutant(
        "last-way-removed",
        "bluesky/connections/linking.py",
        "if not member.has_usable_password():",
        "if False:",
        "a member locks herself out",
        ("tests/unit/bluesky/identity/test_identities.py:test_the_last_way_to_sign_in_stays",),
    ),
    Mutant(
        "linked-twice",
        "bluesky/connections/linking.py",
        "    if identity.bsky_did != did:\n",
        "    if False:\n",
        "a member has two accounts",
        ("tests/unit/bluesky/identity/test_identities.py:test_a_proved_account_becomes_a_way_to_sign_in_once",),
    ),
)
