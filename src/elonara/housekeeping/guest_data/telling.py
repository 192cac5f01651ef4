"""When what is known of guests is deleted: a time after the event, and 30 days after the operators were told of it.

They are told by a notice and by e-mail: once, and again where the setting becomes smaller, since then more events are
concerned than they were told of. With the setting 0 nothing is deleted, and who sets another number is told anew.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import dateformat, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.events.models import Event
from elonara.events.queries import DEFAULT_DURATION, over_by
from elonara.housekeeping.guest_data import deletion
from elonara.housekeeping.models import GuestDataNotice
from elonara.members.models import Member
from elonara.members.notices import notify
from elonara.members.text import email_subject

KIND: Final = "guest data"  # of the notice
TOLD_BEFORE: Final = timedelta(days=30)
SUBJECT: Final = gettext_noop("What is known about guests will be deleted")
KEEP_LONGER: Final = gettext_noop("To keep it longer, set events.guest_data_days; 0 keeps it forever.")

log = logging.getLogger(__name__)


def run() -> int:
    """Tell the operators, or delete what is due; how many rows were deleted."""
    days, now = settings.ELONARA.events.guest_data_days, timezone.now()
    if not days:
        GuestDataNotice.objects.all().delete()
        return 0
    told = GuestDataNotice.objects.first()
    if told is None or days < told.days:
        _tell(days, now)
        return 0
    if days > told.days:
        GuestDataNotice.objects.filter(pk=told.pk).update(days=days)
    if told.told_at > now - TOLD_BEFORE:
        return 0
    return deletion.delete_due(now - timedelta(days=days))


def concerned(until: datetime) -> int:
    """How many events ended until then, and still have guests' data."""
    return Event.objects.filter(over_by(until, until - DEFAULT_DURATION), guest_data_deleted_at=None).count()


def _tell(days: int, now: datetime) -> None:
    """Tell every operator, where any event is concerned. Without one nobody was told, and it is tried again."""
    operators = list(Member.objects.filter(is_superuser=True, is_active=True))
    number = concerned(now + TOLD_BEFORE - timedelta(days=days))
    if not operators or not number:
        return
    text = _text(days, number, now + TOLD_BEFORE)
    with transaction.atomic():
        GuestDataNotice.objects.all().delete()
        GuestDataNotice.objects.create(told_at=now, days=days)
        for operator in operators:
            notify(operator, KIND, text)
    addresses = [operator.email for operator in operators if operator.email]
    for address in addresses if settings.ELONARA.email.url else ():
        try:
            send_mail(email_subject(_(SUBJECT)), f"{text}\n", None, [address])
        except OSError as fault:  # smtplib's errors included; the notice on her pages remains
            log.warning("an operator was not told by e-mail of the deletion of guests' data: %s", type(fault).__name__)


def _text(days: int, number: int, begins: datetime) -> str:
    what = ngettext(
        "From {day} on, the site deletes what it knows about the guests of an event {days} day after its end: "
        "answers, names, notes, messages.",
        "From {day} on, the site deletes what it knows about the guests of an event {days} days after its end: "
        "answers, names, notes, messages.",
        days,
    ).format(day=dateformat.format(begins, "j F Y"), days=days)
    many = ngettext("By then that concerns {number} event.", "By then that concerns {number} events.", number)
    return f"{what} {many.format(number=number)} {_(KEEP_LONGER)}"
