"""The audit log: who with power over others did what, on what, when. Actions call `record` in their transaction.

Entries name people, events and codes. What people wrote (reports, invitations), addresses, tokens and keys stay out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.members.models import AuditEntry, Member
from elonara.members.text import one_line

KEPT_FOR: Final = timedelta(days=400)  # a year, and the month in which somebody looks back at it
COMMAND_LINE: Final = "command line"  # whoever has a shell on the machine
# What can be read in the log, translated where it is shown. `record` refuses other words, so that the list is complete.
WORDS: Final = {
    "member_approved": gettext_noop("approved the member"),
    "member_reinstated": gettext_noop("reinstated the member"),
    "member_suspended": gettext_noop("suspended the member"),
    "operator_created": gettext_noop("became, or made, the operator"),
    "rights_changed": gettext_noop("changed the rights of the member"),
    "sign_in_removed": gettext_noop("removed a way to sign in"),
    "sending_paused": gettext_noop("paused the sending of"),
    "sending_resumed": gettext_noop("let sending go on for"),
    "account_resumed": gettext_noop("let the account go on"),
    "server_resumed": gettext_noop("let the server be asked again"),
    "relay_approved": gettext_noop("approved for the site’s own account"),
    "relay_withdrawn": gettext_noop("withdrew the site’s own account from"),
    "mail_tried": gettext_noop("asked the mail server again"),
    "hidden": gettext_noop("hid"),
    "unhidden": gettext_noop("showed again"),
    "report_handled": gettext_noop("marked as handled"),
    "cohost_added": gettext_noop("added a co-host to"),
    "cohost_removed": gettext_noop("removed a co-host from"),
    "transfer_asked": gettext_noop("asked someone to take over"),
    "transfer_taken_back": gettext_noop("withdrew the request to take over"),
    "transfer_declined": gettext_noop("declined to take over"),
    "transferred": gettext_noop("took over"),
    "guest_accepted": gettext_noop("accepted a guest of"),
    "guest_declined": gettext_noop("declined a guest of"),
    "answer_changed": gettext_noop("changed a guest’s answer to"),
    "guest_added": gettext_noop("added a guest by name to"),
    "guest_removed": gettext_noop("removed a guest who was added by name from"),
    "answers_merged": gettext_noop("merged two answers to"),
    "event_cancelled": gettext_noop("cancelled"),
    "event_taken_out": gettext_noop("took an event out of"),
    "community_closed": gettext_noop("closed"),
    "role_changed": gettext_noop("changed a role in"),
    "person_removed": gettext_noop("removed a person from"),
    "removal_lifted": gettext_noop("let a removed person come back to"),
    "join_accepted": gettext_noop("accepted somebody who asked to join"),
    "join_declined": gettext_noop("declined somebody who asked to join"),
    "keys_rotated": gettext_noop("rotated the sealing keys"),
    "key_abandoned": gettext_noop("gave up a lost sealing key"),
    "asked_to_reauthorize": gettext_noop("asked hosts to authorize again"),
    "sessions_ended": gettext_noop("ended Bluesky sessions of another address"),
    "data_exported": gettext_noop("exported everything about"),
    "account_deleted": gettext_noop("deleted the account of"),
    "backup_written": gettext_noop("wrote a backup"),
    "restored": gettext_noop("restored a backup"),
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


def _second_factor_removed(user: Member, authenticator: Any, **_kwargs: Any) -> None:
    record(user, "sign_in_removed", user, _("second factor ({kind})").format(kind=authenticator.type))


def _address_removed(user: Member, **_kwargs: Any) -> None:
    record(user, "sign_in_removed", user, _("an e-mail address"))


def forget_old() -> int:
    """Delete entries that are older than KEPT_FOR; how many."""
    return AuditEntry.objects.filter(at__lt=timezone.now() - KEPT_FOR).delete()[0]
