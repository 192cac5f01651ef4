"""When a host is told: at eight in the morning of her own clock, by a periodic task.

Under the lock of her row the e-mail is queued and what it told is stored in one transaction: however often the task is
killed, and on however many machines it runs, no answer is told twice and none is left out.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from elonara import jobs
from elonara.events.guests.latest import hosts_with_answers
from elonara.housekeeping.answer_digest.message import message
from elonara.housekeeping.answer_digest.models import AnswerDigest
from elonara.housekeeping.answer_digest.news import new_answers
from elonara.housekeeping.outgoing_email import enqueue
from elonara.invitations.email import eligibility
from elonara.invitations.guest_emails.reach import verified_address
from elonara.members.models import Member
from elonara.members.queries import may_act
from elonara.members.time_zones import zone

MORNING: Final = time(8)
# Older answers are no news: after a pause, and on the first morning of a site that had no digest before.
LOOK_BACK: Final = timedelta(days=3)
# So long after eight an answer that was given before eight has been stored.
SETTLED: Final = timedelta(minutes=1)
MAX_SECONDS: Final = 60.0  # of one run, well within the lease of a periodic task; the next run goes on


def send_due() -> int:
    """Queue the digests of this morning that are not queued yet. Returns how many."""
    if eligibility.unavailable() is not None:
        return 0
    sent, end = 0, clock.monotonic() + MAX_SECONDS
    for host in _candidates():
        if jobs.stopping() or clock.monotonic() > end:
            break
        sent += _send(host)
    return sent


def last_morning(host: Member, now: datetime) -> datetime:
    """The last moment at which her clock showed eight."""
    local = now.astimezone(zone(host.timezone))
    morning = datetime.combine(local.date(), MORNING, local.tzinfo)
    return morning if morning <= now else datetime.combine(local.date() - timedelta(days=1), MORNING, local.tzinfo)


def _candidates() -> Iterator[Member]:
    """Hosts of events to which somebody answered lately."""
    now = timezone.now()
    told = dict(AnswerDigest.objects.filter(stopped=False).values_list("member_id", "told_until"))
    stopped = AnswerDigest.objects.filter(stopped=True).values("member_id")
    for host in hosts_with_answers(now - LOOK_BACK - timedelta(days=1)).exclude(pk__in=stopped):
        if may_act(host) and (told.get(host.pk) or now - LOOK_BACK) < last_morning(host, now - SETTLED):
            yield host


def _send(host: Member) -> int:
    address = verified_address(host)
    if not address:
        return 0
    until = last_morning(host, timezone.now() - SETTLED)
    with transaction.atomic():
        AnswerDigest.objects.get_or_create(member=host)
        row = AnswerDigest.objects.select_for_update().get(member=host)
        after = max(row.told_until or until - LOOK_BACK, until - LOOK_BACK)
        if row.stopped or after >= until:
            return 0  # another process was quicker, or she has just ended it
        news = new_answers(host, after, until)
        row.told_until = until
        row.save(update_fields=["told_until"])
        if not news:
            return 0
        row.email = enqueue(message(host, address, news)).pk
        row.save(update_fields=["email"])
    return 1
