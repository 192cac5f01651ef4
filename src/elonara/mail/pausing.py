"""The pause of all e-mail, while the mail server takes none of the site's or others have it on a block list.

While it lasts one e-mail at a time is tried, at growing intervals. The first that is taken ends the pause. E-mails that
were held back have used no attempt, so a long pause costs none of them.

Mail servers pass on what the recipient's server said, and anybody may have a server and several domains. So a pause for
what was said about recipients holds back only the domains that said it: an e-mail to another one is tried in its turn,
one a minute and once for each domain, and where it is taken the pause was a few people's doing and ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.mail.models import MailPause, MailRefusal
from elonara.members import notices

NOTICE: Final = "mail_paused"
JOBS_PAGE: Final = "/admin/jobs/"
INTERVALS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))  # the last one repeats
TRIAL: Final = timedelta(minutes=2)  # so long one trial may take before the next e-mail tries
REFUSED_RECIPIENTS, REFUSED_DOMAINS = 3, 2  # so many refusals are about the site, not about an address
REFUSALS_KEPT_FOR: Final = timedelta(days=1)
# What the server of a recipient can say in another's name.
ABOUT_RECIPIENTS: Final = frozenset({MailPause.Reason.QUOTA, MailPause.Reason.SENDER, MailPause.Reason.BLOCKED})
BETWEEN_DOMAINS: Final = timedelta(minutes=1)

# What happened, and what the operator does about it.
WORDS: Final = {
    MailPause.Reason.CONNECT: (
        gettext_noop("The mail server refuses connections from this site"),
        gettext_noop(
            "Is email.url right, and may this machine's address use that server? Ask the provider, with the code."
        ),
    ),
    MailPause.Reason.TLS: (
        gettext_noop("No safe connection to the mail server can be made"),
        gettext_noop(
            "Is the name in email.url the one in the server's certificate, is that certificate valid, and is the port "
            "right (465, or 587 with STARTTLS)?"
        ),
    ),
    MailPause.Reason.AUTH: (
        gettext_noop("The mail server does not accept the user name and password of this site"),
        gettext_noop("Set email.user and email.password again (many providers want an app password), and restart."),
    ),
    MailPause.Reason.SENDER: (
        gettext_noop("The mail server does not accept the address that this site sends from"),
        gettext_noop("Set email.from to an address that this account may send from, and restart."),
    ),
    MailPause.Reason.QUOTA: (
        gettext_noop("The mail server says that this site has sent all it may for now"),
        gettext_noop(
            "E-mail continues automatically. For fewer a day set invitations.emails_per_day, or ask the provider "
            "for more."
        ),
    ),
    MailPause.Reason.BLOCKED: (
        gettext_noop("Mail servers of several people refuse e-mail from this site as unwanted"),
        gettext_noop(
            "Look up the server's address in block lists, check SPF, DKIM and DMARC of the domain in email.from, or "
            "ask the provider."
        ),
    ),
}
ON_HOLD: Final = gettext_noop("All e-mail is on hold and will be tried again automatically.")

log = logging.getLogger(__name__)


def current() -> MailPause | None:
    """The pause, None where e-mail leaves."""
    return MailPause.objects.first()


def sentences(pause: MailPause) -> tuple[str, str]:
    """What happened, with the codes of the server's reply, and what to do."""
    says, fix = WORDS[MailPause.Reason(pause.reason)]
    if pause.reply:
        return _("{what} ({reply}).").format(what=_(says), reply=_(pause.reply)), _(fix)
    return _("{what}.").format(what=_(says)), _(fix)


def held_until(recipients: Iterable[str] = ()) -> datetime | None:
    """When an e-mail to these may be tried, None where that is now."""
    pause = current()
    if pause is None:
        return None
    until = _until(pause, recipients)
    return until if until > timezone.now() else None


def take_turn(recipients: Iterable[str] = ()) -> datetime | None:
    """None where the caller may send now; during a pause one caller at a time may. Otherwise when to ask again."""
    pause = current()
    if pause is None:
        return None
    now, until = timezone.now(), _until(pause, recipients)
    rows = MailPause.objects.filter(pk=pause.pk, tries=pause.tries, next_try_at=pause.next_try_at)
    if until <= now and rows.update(next_try_at=max(pause.next_try_at, now + TRIAL), tries=F("tries") + 1):
        return None
    return max(until, now + timedelta(seconds=1))


def _until(pause: MailPause, recipients: Iterable[str]) -> datetime:
    """The turn of an e-mail: the pause's, or an earlier one where only other domains have refused."""
    domains = {_hash(address.rpartition("@")[2]) for address in recipients}
    refused = MailRefusal.objects.filter(at__gt=timezone.now() - REFUSALS_KEPT_FOR)
    last = refused.order_by("-at").values_list("at", flat=True).first()
    if pause.reason not in ABOUT_RECIPIENTS or not domains or last is None or last < pause.since - BETWEEN_DOMAINS:
        return pause.next_try_at
    if refused.filter(domain_hash__in=domains).exists():
        return pause.next_try_at
    return min(pause.next_try_at, last + BETWEEN_DOMAINS)


def pause(reason: MailPause.Reason, reply: str) -> datetime:
    """Begin the pause or go on with it; the operators are told. Returns when the next e-mail may be tried."""
    now = timezone.now()
    defaults = {"reason": reason, "reply": reply[:20], "since": now, "next_try_at": now + INTERVALS[0], "tries": 1}
    row, is_new = MailPause.objects.get_or_create(pk=MailPause.ONLY, defaults=defaults)
    if not is_new:
        row.next_try_at = now + INTERVALS[min(row.tries, len(INTERVALS) - 1)]
        row.reason, row.reply = reason, reply[:20]
        changed = {"reason": row.reason, "reply": row.reply, "next_try_at": row.next_try_at, "tries": F("tries") + 1}
        MailPause.objects.filter(pk=row.pk).update(**changed)
    says, fix = sentences(row)
    log.error("all e-mail is paused, next attempt at %s: %s %s", row.next_try_at.isoformat("T", "seconds"), says, fix)
    notices.notify_operators(NOTICE, f"{says} {_(ON_HOLD)} {fix}", JOBS_PAGE)
    return row.next_try_at


def try_now() -> None:
    """Let the next e-mail be tried at once."""
    MailPause.objects.update(next_try_at=timezone.now())


def resume() -> None:
    """End the pause: an e-mail was taken."""
    if MailPause.objects.filter(pk=MailPause.ONLY).delete()[0]:
        MailRefusal.objects.all().delete()
        notices.settle_operators(NOTICE)
        log.warning("the mail server takes e-mail again")


def note_refusals(recipients: Iterable[str]) -> bool:
    """Remember who was refused for policy. True where there are so many that it must be about the whole site."""
    now = timezone.now()
    for address in recipients:
        domain = _hash(address.rpartition("@")[2])
        row = {"domain_hash": domain, "at": now}
        MailRefusal.objects.update_or_create(recipient_hash=_hash(address), defaults=row)
    recent = MailRefusal.objects.filter(at__gt=now - REFUSALS_KEPT_FOR)
    found = recent.aggregate(people=Count("pk"), domains=Count("domain_hash", distinct=True))
    return bool(found["people"] >= REFUSED_RECIPIENTS and found["domains"] >= REFUSED_DOMAINS)


def note_taken(recipients: Iterable[str]) -> None:
    """An e-mail to these was taken: they are refused no longer, and the pause ends."""
    MailRefusal.objects.filter(pk__in=[_hash(address) for address in recipients]).delete()
    resume()


def forget_old() -> int:
    """Delete refusals that count no more; how many."""
    return MailRefusal.objects.filter(at__lt=timezone.now() - REFUSALS_KEPT_FOR).delete()[0]


def _hash(text: str) -> str:
    return salted_hmac("elonara.mail", text.strip().lower(), algorithm="sha256").hexdigest()
