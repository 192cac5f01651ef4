"""Deletes what is known of the guests of one event after the other, in small transactions.

First the numbers of answers are stored in the event, which pages show from then on; only then anything is deleted. So a
process that is killed between two batches leaves nothing wrong, and the next run goes on.

An invitation of which no post can stand is deleted; the places that it took in the caps stay (`consent.accounts`). One
that stands on Bluesky keeps the DID, which the post itself names: so that the host can take it back, and its reader can
stop or report. An e-mail invitation keeps the keyed hash of its address and its link, so that its reader can stop.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from elonara import jobs
from elonara.events.guests.guest_list import totals
from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.events.models import Event, Rsvp
from elonara.events.queries import DEFAULT_DURATION, over_by
from elonara.invitations.models import Batch, EmailInvitation, Invitation, State
from elonara.invitations.opt_out_models import Report
from elonara.invitations.states import PENDING

BATCH: Final = 100  # rows in one transaction
PAUSE: Final = 0.01  # seconds after each: SQLite has one writer for the whole site
MAX_SECONDS: Final = 60.0  # of one run

# Being written, or perhaps: a worker reads the key first. They wait until it has.
_UNDECIDED: Final = Q(state=State.SENDING) | Q(state__in=PENDING, ambiguous=True)
_NO_POST: Final = Q(
    state__in=(State.QUEUED, State.WAITING, State.FAILED, State.SUPPRESSED, State.CANCELLED, State.UNDONE),
    ambiguous=False,
)
_OF_POST: Final[dict[str, Any]] = {
    "invitee_handle": "", "invitee_name": "", "invitee_avatar": "", "line": "", "record": {"text": ""}, "error": "",
    "opened_at": None, "answer": "", "answered_at": None,
}  # fmt: skip
_OF_EMAIL: Final[dict[str, Any]] = {
    "name": "", "note": "", "address_enc": "", "token_enc": "", "answer": "", "answered_at": None,
}  # fmt: skip

log = logging.getLogger(__name__)


def delete_due(ended_before: datetime) -> int:
    """Delete the guests' data of events that ended before then, as far as a minute goes; how many rows."""
    until, done = time.monotonic() + MAX_SECONDS, 0
    due = Event.objects.filter(over_by(ended_before, ended_before - DEFAULT_DURATION), guest_data_deleted_at=None)
    due = due.filter(starts_at__lte=ended_before)  # for the index
    for pk in list(due.order_by("starts_at").values_list("pk", flat=True)):
        if time.monotonic() > until or jobs.stopping():
            break
        done += _delete_of(pk, ended_before, until)
    return done


def _delete_of(pk: int, ended_before: datetime, until: float) -> int:
    """Delete the guests' data of one event, or as much of it as time allows; how many rows."""
    if not _begin(pk, ended_before):
        return 0
    done = 0
    for step in (_messages, _host_messages, _answers, _without_post, _with_post, _emailed):
        while count := step(pk):
            done += count
            if time.monotonic() > until or jobs.stopping():
                return done
            time.sleep(PAUSE)
    with transaction.atomic():
        Batch.objects.filter(event=pk).update(skipped=[], note="", sentence="", sentence_facts=None)
        if not Invitation.objects.filter(_UNDECIDED, event=pk).exists():
            Event.objects.filter(pk=pk, guest_totals__isnull=False).update(guest_data_deleted_at=timezone.now())
            log.info("deleted the guests' data of event %s: %s rows", pk, done)
    return done


def _begin(pk: int, ended_before: datetime) -> bool:
    """Store the numbers that stay. False where the event takes place again: its times were changed."""
    with transaction.atomic():
        over = Event.objects.filter(over_by(ended_before, ended_before - DEFAULT_DURATION), pk=pk)
        event = over.select_for_update().first()
        if event is None:
            return False
        if event.guest_totals is None:
            event.guest_totals = {choice: list(pair) for choice, pair in totals(event).items() if pair[0]}
            event.save(update_fields=["guest_totals"])
    return True


def _some(rows: QuerySet[Any], do: Callable[[QuerySet[Any]], Any]) -> int:
    """Do something with up to BATCH of the rows, locked; how many they were."""
    with transaction.atomic():
        found = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True)[:BATCH])
        if found:
            do(rows.model._default_manager.filter(pk__in=found))
    return len(found)


def _delete(rows: QuerySet[Any]) -> None:
    rows.delete()


def _messages(pk: int) -> int:
    return _some(GuestMessage.objects.filter(event=pk), _delete)


def _host_messages(pk: int) -> int:
    return _some(HostMessage.objects.filter(event=pk), _delete)


def _answers(pk: int) -> int:
    return _some(Rsvp.objects.filter(event=pk), _delete)


def _without_post(pk: int) -> int:
    reported = Report.objects.filter(invitation=OuterRef("pk"))
    return _some(Invitation.objects.filter(_NO_POST, ~Exists(reported), event=pk), _delete)


def _with_post(pk: int) -> int:
    """What remains of them is what `_OF_POST` leaves; those that are done have no handle."""
    rows = Invitation.objects.filter(~_UNDECIDED, event=pk).exclude(invitee_handle="")
    return _some(rows, lambda some: some.update(**_OF_POST))


def _emailed(pk: int) -> int:
    known = ~Q(name="") | ~Q(note="") | ~Q(answer="") | Q(address_enc__gt="") | Q(token_enc__gt="")
    return _some(EmailInvitation.objects.filter(known, event=pk), lambda some: some.update(**_OF_EMAIL))
