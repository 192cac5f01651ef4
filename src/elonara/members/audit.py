"""The audit log: who with power over others did what, on what, when. Actions call `record` in their transaction.

Entries name people, events and codes. What people wrote (reports, invitations), addresses, tokens and keys stay out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from elonara.members.models import AuditEntry, Member
from elonara.members.text import one_line

KEPT_FOR: Final = timedelta(days=400)  # a year, and the month in which somebody looks back at it
COMMAND_LINE: Final = "command line"  # whoever has a shell on the machine
# What can be read in the log. `record` refuses other words, so that the list is complete.
WORDS: Final = {
    "member_approved": "approved the member",
    "member_reinstated": "reinstated the member",
    "member_suspended": "suspended the member",
    "operator_created": "became, or made, the operator",
    "rights_changed": "changed the rights of the member",
    "sign_in_removed": "removed a way to sign in",
    "sending_paused": "paused the sending of",
    "sending_resumed": "let sending go on for",
    "account_resumed": "let the account go on",
    "server_resumed": "let the server be asked again",
    "relay_approved": "approved for the site’s own account",
    "relay_withdrawn": "withdrew the site’s own account from",
    "mail_tried": "asked the mail server again",
    "hidden": "hid",
    "unhidden": "showed again",
    "report_handled": "marked as handled",
    "cohost_added": "added a co-host to",
    "cohost_removed": "removed a co-host from",
    "transfer_asked": "asked someone to take over",
    "transfer_taken_back": "withdrew the request to take over",
    "transfer_declined": "declined to take over",
    "transferred": "took over",
    "guest_accepted": "accepted a guest of",
    "guest_declined": "declined a guest of",
    "answer_changed": "changed a guest’s answer to",
    "guest_added": "added a guest by name to",
    "guest_removed": "removed a guest who was added by name from",
    "answers_merged": "merged two answers to",
    "event_cancelled": "cancelled",
    "event_taken_out": "took an event out of",
    "community_closed": "closed",
    "role_changed": "changed a role in",
    "person_removed": "removed a person from",
    "removal_lifted": "let a removed person come back to",
    "join_accepted": "accepted somebody who asked to join",
    "join_declined": "declined somebody who asked to join",
    "keys_rotated": "rotated the sealing keys",
    "key_abandoned": "gave up a lost sealing key",
    "asked_to_reauthorize": "asked hosts to authorize again",
    "sessions_ended": "ended Bluesky sessions of another address",
    "data_exported": "exported everything about",
    "account_deleted": "deleted the account of",
    "backup_written": "wrote a backup",
    "restored": "restored a backup",
}


def record(by: Member | None, what: str, subject: Any, note: str = "") -> None:
    """Write one entry; `by` is None on the command line. Raises ValueError for a word that is not in WORDS."""
    if what not in WORDS:
        raise ValueError(f"{what!r} is not in audit.WORDS")
    AuditEntry.objects.create(
        by=by,
        who=by.username if by is not None else COMMAND_LINE,
        what=what,
        subject=named(subject)[:200],
        note=one_line(note)[:300],
    )


def named(subject: Any) -> str:
    """What an entry calls a row: `member alice`, `event winter-picnic`; text as it is."""
    if isinstance(subject, Member):
        return f"member {subject.username}"
    slug = getattr(subject, "slug", "")
    return f"{subject._meta.model_name} {slug}" if slug else one_line(subject)


def install() -> None:
    """Listen to allauth, whose own pages remove second factors and addresses. Doing it twice changes nothing."""
    from allauth.account.signals import email_removed  # noqa: PLC0415  # only after the apps are loaded
    from allauth.mfa.signals import authenticator_removed  # noqa: PLC0415

    authenticator_removed.connect(_second_factor_removed, dispatch_uid="audit")
    email_removed.connect(_address_removed, dispatch_uid="audit")


def _second_factor_removed(user: Member, authenticator: Any, **_: Any) -> None:
    record(user, "sign_in_removed", user, f"second factor ({authenticator.type})")


def _address_removed(user: Member, **_: Any) -> None:
    record(user, "sign_in_removed", user, "an e-mail address")


def forget_old() -> int:
    """Delete entries that are older than KEPT_FOR; how many."""
    return AuditEntry.objects.filter(at__lt=timezone.now() - KEPT_FOR).delete()[0]
