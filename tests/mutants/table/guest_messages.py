"""What guests are told: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

FOLDER = "tests/unit/invitations/guest_emails"

MUTANTS = (
    Mutant(
        "guest-stop-ignored",
        "invitations/guest_emails/reach.py",
        "code = STOPPED if one.keys & stopped else",
        'code = "" if one.keys & stopped else',
        "who stopped e-mails about an event gets more of them",
        (f"{FOLDER}/test_stopping.py:test_the_link_of_an_e_mail_ends_those_of_its_event",),
    ),
    Mutant(
        "guest-stop-ignored-after-a-kill",
        "invitations/guest_emails/delivery.py",
        "    if to.reason:\n        QUEUE.store(lease, state=MessageState.SUPPRESSED",
        "    if False:\n        QUEUE.store(lease, state=MessageState.SUPPRESSED",
        "a second copy reaches who stopped after the first",
        (f"{FOLDER}/test_delivery.py:test_after_a_stop_there_is_no_second_copy",),
    ),
    Mutant(
        "guest-told-what-was-undone",
        "events/messages/telling.py",
        "elif new_to_her:",
        "elif True:",
        "an edit that is undone before it was told keeps its notice",
        (f"{FOLDER}/test_changes.py:test_what_is_undone_before_it_went_out_is_never_told",),
    ),
    Mutant(
        "guest-doubt-recomposed",
        "invitations/guest_emails/delivery.py",
        "with _put_back(row, lease, really=fresh and not unanswered) as values:\n                if values is None:",
        "with _put_back(row, lease, really=True) as values:\n                if values is None:",
        "an e-mail that may have been taken is written anew under the same Message-ID",
        (f"{FOLDER}/test_delivery.py:test_one_that_nobody_answered_is_sent_again_as_it_was",),
    ),
    Mutant(
        "guest-declined-reads-on",
        "invitations/guest_emails/told.py",
        "if row.kind in (TITLE_ALONE, MessageKind.HOST) or",
        "if",
        "whom the hosts have declined reads time and place",
        (f"{FOLDER}/test_changes.py:test_who_was_declined_reads_the_title_alone",),
    ),
    Mutant(
        "guest-reminded-of-another-start",
        "invitations/guest_emails/outdated.py",
        "if row.occasion != event.starts_at.isoformat():",
        "if False:",
        "a reminder of a start that has moved is sent",
        (f"{FOLDER}/test_reminders.py:test_one_that_waits_for_the_mail_server_is_not_sent_any_more_when",),
    ),
)
