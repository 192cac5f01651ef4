"""The breaker for Bluesky's own judgement: at the first sign of a spam label on the posting account, sending pauses.

Labels are asked for at most every ten minutes per account. While the AppView does not answer, posting goes on: an
outage of a service that only reads must not stop every site, and the label is seen at the next question it answers.

An account that was taken down is no spammer's for that: its posts wait, nothing is paused, and they go on by themselves
when the takedown is lifted.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading

from django.utils import timezone

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import AccountLane
from elonara.invitations import notifications
from elonara.invitations.consent import pauses
from elonara.invitations.models import Voice
from elonara.invitations.transitions import Deliverable

MAX_AGE = dt.timedelta(minutes=10)  # for which an answer without such a label holds
RETRY_INTERVAL = dt.timedelta(hours=1)  # between two checks while sending is paused

log = logging.getLogger(__name__)

_clean_at: dict[str, dt.datetime] = {}  # author's DID: when it was last seen without a label
_lock = threading.Lock()


def stop_if_labelled(row: Deliverable) -> str:
    """Why the author's account must not post now, as a reason code; `""` where it may.

    At a spam label its sending is paused and its hosts are notified.
    """
    now = timezone.now()
    with _lock:
        clean_at = _clean_at.get(row.author_did)
        if clean_at is not None and now - clean_at < MAX_AGE and clean_at <= now:
            return ""
    try:
        labels = set(graph_service.current().labels(row.author_did))
    except GraphUnavailable as fault:
        log.info("the labels of %s could not be read: %s", row.author_did, fault.reason)
        return ""
    if labels & pauses.SPAM_LABELS:
        _pause(row, now)
        return pauses.SPAM_REASON
    if pauses.TAKEN_DOWN_LABEL in labels:
        if row.voice != Voice.RELAY:
            return "account_takendown"
        _rest(row.author_did, "account_takendown", now)
        return "relay_unavailable"
    with _lock:
        _clean_at[row.author_did] = now
    if row.voice == Voice.RELAY:
        notifications.relay_clean()
    return ""


def _pause(row: Deliverable, now: dt.datetime) -> None:
    if row.voice == Voice.RELAY:
        _rest(row.author_did, pauses.SPAM_REASON, now)
    else:
        pauses.pause_host(row.host, pauses.SPAM_REASON)
        notifications.needs_host(row.host, pauses.SPAM_REASON)


def _rest(relay_did: str, reason: str, now: dt.datetime) -> None:
    # Only new posts stop: deleting posts that a host takes back goes on.
    lanes = AccountLane.objects.filter(author_did=relay_did)
    lanes.update(next_at=now + RETRY_INTERVAL, pause_reason=reason)
    notifications.relay_stopped(reason)


def forget_labels() -> None:
    """Ask for every author's labels anew, as a process does that has just begun."""
    with _lock:
        _clean_at.clear()
