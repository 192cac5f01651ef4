"""How many e-mail invitations leave the whole site on one day (`invitations.emails_per_day`), by the UTC date.

A host's caps do not bound the site: many accounts together could send spam to strangers through its mail server. A row
takes its place in the column `site_day` when it is queued for today, or else just before it is sent, and keeps it for
every further try of that day. Other e-mail (changes, cancellations, sign-in) is no invitation and is not counted.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from elonara.invitations.consent.recipient_caps import lock_people
from elonara.invitations.models import EmailInvitation

REASON = "site_email_cap"
_LOCK = "the site's share of e-mail"  # no DID and no hash, so it cannot be a person's lock


def lock() -> None:
    """Keep two hosts from counting the site's share at once; inside a transaction, after every other lock of `caps`."""
    lock_people([_LOCK])


def room() -> int:
    """How many more e-mail invitations may leave today. A forecast unless called under `lock`."""
    taken = EmailInvitation.objects.filter(site_day=today()).count()
    return max(0, int(settings.ELONARA.invitations.emails_per_day) - taken)


def today() -> dt.date:
    """The date by UTC: one day for the whole site, whatever the zones of its hosts."""
    return timezone.now().astimezone(dt.UTC).date()


def next_day() -> dt.datetime:
    """When the next day's share begins."""
    return dt.datetime.combine(today() + dt.timedelta(days=1), dt.time(0), tzinfo=dt.UTC)


def claim(row: EmailInvitation) -> dt.datetime | None:
    """Take a place of today for a row that is about to go: None if it has one, else when the next day begins."""
    if row.site_day == today():
        return None
    with transaction.atomic():
        lock()
        if not room():
            return next_day()
        EmailInvitation.objects.filter(pk=row.pk).update(site_day=today())
        row.site_day = today()
    return None
