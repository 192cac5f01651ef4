"""Notifying a host that her invitations wait for her: on her pages, and by e-mail where the site sends any."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from elonara.invitations import reasons
from elonara.invitations.targets import Target
from elonara.members.models import Member, Notice
from elonara.members.notices import notify, notify_operators, open_of, settle, settle_operators
from elonara.members.text import email_subject

log = logging.getLogger(__name__)

GONE_KIND = "announcement gone"
KIND = "sending"  # one open notice per host, however many rows wait


def needs_host(host: Member, code: str) -> None:
    """Store a notice and send one e-mail, once until the notice is settled or dismissed. Outside a transaction."""
    found = reasons.reason(code)
    text = f"{_('Your invitations are waiting.')} {found.sentence} {found.way_on}".strip()
    known = Notice.objects.filter(member=host, kind=KIND, dismissed_at=None, text=text[:500]).exists()
    if known:
        return
    notify(host, KIND, text, "/profile/edit")
    if not host.email or not settings.ELONARA.email.url:
        return
    body = f"{text}\n\n{settings.ELONARA.site.url.rstrip('/')}/profile/edit\n"
    try:
        send_mail(email_subject(_("Your invitations are waiting")), body, None, [host.email])
    except OSError as fault:  # smtplib's errors included; the notice on her pages remains
        log.warning("the e-mail to member %s was not sent: %s", host.pk, type(fault).__name__)


def announcement_gone(host: Member, target: Target) -> None:
    """Store a notice that leads to the invitations which wait, because their announcement was deleted on Bluesky."""
    found = reasons.reason("announcement_gone")
    waiting = _("Your invitations to {title} are waiting.").format(title=target.title[:200])
    text = f"{waiting} {found.sentence} {found.way_on}"
    notify(host, GONE_KIND, text, f"{target.url}/manage?tab=invite&step=watch")


def announcement_settled(host: Member) -> None:
    """The host has confirmed or ended what waited for that."""
    settle(host, GONE_KIND)


def relay_stopped(reason: str) -> None:
    """Notify the operators, on their pages, that the relay (the site's own account) has stopped posting."""
    found = reasons.reason(reason)
    stopped = _("This site's own account has stopped posting.")
    text = f"{stopped} {found.sentence} {found.way_on}".strip()
    notify_operators(f"relay {reason}", text, "/admin/jobs/")


def relay_clean() -> None:
    """The relay's account has no label (any more): settle the operators' notices."""
    settle_operators("relay spam_label")
    settle_operators("relay account_takendown")


def open_notice_of(host: Any) -> QuerySet[Notice]:
    """The notice that a host has neither settled nor dismissed; `host` as in `elonara.members.notices.open_of`."""
    return open_of(host, KIND)


def settle_host(host: Member) -> None:
    """The host has done what she was asked for: close her notice."""
    settle(host, KIND)
