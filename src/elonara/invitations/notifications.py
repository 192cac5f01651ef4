"""Telling a host that only she can help: on her pages, and by e-mail where the site can send any."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail

from elonara.invitations import reasons
from elonara.members.models import Member, Notice
from elonara.members.notices import is_open, notify, notify_operators, settle, settle_operators

log = logging.getLogger(__name__)

KIND = "sending"  # one open notice per host, however many rows wait


def needs_host(host: Member, code: str) -> None:
    """Leave a notice and send one e-mail, until the notice is settled or dismissed. Outside a transaction."""
    found = reasons.reason(code)
    text = f"Your invitations wait. {found.sentence} {found.way_on}".strip()
    known = Notice.objects.filter(member=host, kind=KIND, dismissed_at=None, text=text[:500]).exists()
    if known:
        return
    notify(host, KIND, text, "/profile/edit")
    if not host.email or not settings.ELONARA.email.url:
        return
    body = f"{text}\n\n{settings.ELONARA.site.url.rstrip('/')}/profile/edit\n"
    try:
        send_mail(f"Your invitations on {settings.ELONARA.site.name} wait", body, None, [host.email])
    except OSError as fault:  # smtplib's errors too; the notice stands on her pages all the same
        log.warning("the e-mail to member %s was not sent: %s", host.pk, type(fault).__name__)


def relay_stopped(reason: str) -> None:
    """Tell the operators, on their pages, that nothing is posted from the site's own account: no host can help."""
    found = reasons.reason(reason)
    text = f"This site's own account has stopped posting. {found.sentence} {found.way_on}".strip()
    notify_operators(f"relay {reason}", text, "/admin/jobs/")


def relay_clean() -> None:
    """The site's own account carries no label (any more)."""
    settle_operators("relay spam_label")


def was_told(host_id: int) -> bool:
    """Whether a host has been told, and it has not been settled."""
    return is_open(host_id, KIND)


def settle_host(host: Member) -> None:
    """What was asked for has happened."""
    settle(host, KIND)
