"""Guests' data, exports, the end of an account, reports: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

_DELETION = "tests/unit/housekeeping/guest_data/test_deletion.py"
_TELLING = "tests/unit/housekeeping/guest_data/test_telling.py"
_EXPORT = "tests/unit/personal_data/test_export.py"
_END = "tests/unit/personal_data/test_deletion.py"

MUTANTS = (
    Mutant(
        "guests-deleted-untold",
        "housekeeping/guest_data/telling.py",
        "if told.told_at > now - TOLD_BEFORE:",
        "if False:",
        "an upgrade deletes guests' data before an operator can say no",
        (f"{_TELLING}:test_an_upgrade_deletes_nothing_for_thirty_days",),
    ),
    Mutant(
        "fewer-days-untold",
        "housekeeping/guest_data/telling.py",
        "if told is None or days < told.days:",
        "if told is None:",
        "a digit left out of the setting deletes guests' data within the hour",
        (f"{_TELLING}:test_a_smaller_number_is_told_anew",),
    ),
    Mutant(
        "deleted-while-written",
        "housekeeping/guest_data/deletion.py",
        "rows = Invitation.objects.filter(~_UNDECIDED, event=pk)",
        "rows = Invitation.objects.filter(event=pk)",
        "a post that is being written loses its text",
        (f"{_DELETION}:test_what_is_being_written_waits_for_its_outcome",),
    ),
    Mutant(
        "export-by-former-did",
        "personal_data/export.py",
        "mine = Q(member=None) & unowned",
        "mine = unowned",
        "who has got somebody's account exports what she wrote as a member",
        (f"{_EXPORT}:test_a_did_that_somebody_else_had_brings_nothing_of_theirs",),
    ),
    Mutant(
        "export-with-notes-on-her",
        "personal_data/export.py",
        '"name": row.name if row.member_id is None else "",',
        '"name": row.name,',
        "an export tells what a host had called a guest",
        (f"{_EXPORT}:test_a_name_that_a_host_gave_her_is_not_in_it",),
    ),
    Mutant(
        "export-by-old-token",
        "api/me.py",
        "if not tokens.was_fresh(",
        "if False and not tokens.was_fresh(",
        "a stolen token exports everything",
        ("tests/unit/api/test_export.py:test_a_token_of_an_old_sign_in_is_not_enough",),
    ),
    Mutant(
        "account-deleted-by-another",
        "personal_data/deletion.py",
        "if by.pk != member.pk:",
        "if False:",
        "somebody deletes another's account",
        (f"{_END}:test_nobody_else_deletes_it",),
    ),
    Mutant(
        "emails-after-a-stop",
        "personal_data/leaving.py",
        "who = [address_key(one) for one in emails",
        "who = [one for one in emails",
        "who wanted no e-mails of a host gets the one about her leaving",
        (f"{_END}:test_who_wanted_no_emails_of_hers_gets_none_about_the_cancellation",),
    ),
    Mutant(
        "report-of-the-unseen",
        "invitations/responses/reports.py",
        "if not by.sees(event):",
        "if False:",
        "a report tells whether a private event exists",
        ("tests/unit/web/test_reporting.py:test_nobody_reports_what_she_cannot_see",),
    ),
    Mutant(
        "share-picture-of-before",
        "events/share_pictures.py",
        'return now if PurePosixPath(str(event.share_picture.name)).name.startswith(f"{now}-") else ""',
        "return now",
        "a picture goes on showing a place that its host has hidden since",
        ("tests/unit/events/test_share_pictures.py:test_a_change_of_what_is_drawn_makes_another",),
    ),
    Mutant(
        "share-picture-of-private",
        "events/share_pictures.py",
        "event.visibility == Visibility.PRIVATE or event.hidden_at is not None",
        "False",
        "other sites show an event that was made private or hidden",
        (
            "tests/unit/events/test_share_pictures.py:test_a_private_event_has_none",
            "tests/unit/events/test_share_pictures.py:test_a_hidden_event_shows_none",
        ),
    ),
    Mutant(
        "guest-answers-of-a-member",
        "personal_data/guest_answers.py",
        "if MemberIdentity.objects.filter(bsky_did=did).exists():",
        "if False:",
        "a browser that once proved a member's account takes back what she answered signed in",
        ("tests/unit/web/members/test_own_data.py:test_who_has_an_account_deletes_that",),
    ),
    Mutant(
        "guest-answers-of-anybody",
        "web/members/own_data.py",
        """    did = request.POST.get("did", "")
    if did not in proofs(request):
        show_message(request, _("First confirm that this Bluesky account is yours."), "warn")
        return redirect("/invitations")
    try:""",
        """    did = request.POST.get("did", "")
    try:""",
        "anybody takes back the answers of anybody",
        ("tests/unit/web/members/test_own_data.py:test_a_guest_without_an_account_deletes_her_answers",),
    ),
    Mutant(
        "share-picture-hidden-place",
        "events/share_pictures.py",
        "place=event.public_location or online,",
        "place=event.location or online,",
        "a place that is for guests alone is drawn for everybody",
        ("tests/unit/events/test_share_pictures.py:test_a_hidden_place_is_not_drawn",),
    ),
)
