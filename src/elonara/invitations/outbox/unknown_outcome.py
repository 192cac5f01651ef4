"""When we do not know whether a post was written.

A theory of operation, for whoever has to find a fault in it.

**What may have happened.** We sent `createRecord` and got no usable response: a time-out, a dropped connection, a 5xx,
or the process was killed. The server may have written the post before the response was lost. It may have refused it.
Or the request is still on its way, in a proxy or in the server's queue, and the post will appear seconds after we look:
a *late write*. From our side the three look alike. So the row is marked `ambiguous`, and from then on one rule holds:
the record key is read before anything is written. Posting blindly could post twice, and giving up could lose an
invitation that a person can see.

**What protects us.** The author, the record key and the text of a row were fixed before the first attempt. The PDS
accepts one record per author and key, however many creates arrive: of sixteen at once, one got 200 and fifteen got
500. So writing again at the *same* key never makes a second post. The risk is another one: to write again something
that a host has deleted by hand meanwhile, or that she has taken back.

**What each read proves.** "It is there" proves that the post was sent, whatever its CID; the row becomes `sent` and
nothing is written. "It is absent" proves only that nothing is there *now*. "Could not be read" proves nothing: the row
stays ambiguous, is read again, and is never posted on that ground; after a day the host is asked.

**Why ten minutes.** Within `ABSENCE_IS_PROOF_AFTER` of the first attempt whose outcome is unknown, an absent post is
taken as "not written" and is written again at the same key. If the late write of the earlier attempt wins the race, the
server answers our second create with an error, the key is read once more, and the post is found. After the ten minutes
absence has a second explanation: the host found the post in her app and deleted it. Then she is asked (`unsure`).

**Why the last write counts.** The ten minutes are counted from the *first* uncertain attempt, but a row is written
again inside them, so the last write may have begun at nine minutes fifty. Asking the host at ten minutes would tell
her "not posted" while that write can still land. So after the ten minutes we also wait until nothing of the last write
can land any more (`LATE_WRITE_WINDOW` after `last_attempt_at`), and only a read that begins after that moment may end
in asking her. The state machine test found what happens otherwise: the row had failed, and the post appeared after it.

**Clocks and backups.** Attempts are dated by the database's clock (`elonara.shared_clock`), so workers whose own clocks
differ judge alike. A `first_attempt_at` in the future means that it was set back; how long ago the attempt was cannot
be said, so the row is only read until the clock has caught up. A restored backup knows no attempt of its rows
(`restored.mark_ambiguous`, `first_attempt_at` empty): its rows are read once, and an absent post then goes like one
that was never tried.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from elonara import shared_clock
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.invitations.models import Invitation
from elonara.invitations.outbox import outcomes, timing
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.transitions import Deliverable


def may_be_written_again(context: DeliveryContext, row: Deliverable) -> bool:
    """Read the record key of an ambiguous row and act on what it proves. True: write it now, the row is `sending`."""
    restored = row.first_attempt_at is None
    if not outcomes.start_attempt(context, row):
        return False
    if restored:
        row.first_attempt_at = None  # no attempt is known, so there is no time from which the ten minutes could run
    found = context.agent_of(row).find_post(row.host_id, row.author_did, row.rkey)
    if found.success:
        outcomes.acknowledge(context, row, found)
        return False
    if not found.absent:
        _stay_ambiguous(context, row, found)
        return False
    if restored:
        # Nothing was posted between the backup and the loss of the site: it goes as if it had never been tried.
        row.attempts = 1
        outcomes.put_back(context, row, row.reason, row.next_attempt_at, ambiguous=False, count=False)
        return False
    return _absence_allows_a_write(context, row)


def read_again_later(context: DeliveryContext, row: Deliverable, error: str) -> None:
    """Write no more; read the key once more when the ten minutes are over."""
    now, shared = timezone.now(), shared_clock.now()
    left = (row.first_attempt_at or shared) + timing.ABSENCE_IS_PROOF_AFTER + timing.READ_AFTER_PROOF - shared
    at = now + left
    outcomes.put_back(context, row, "asking", max(at, now + timing.READ_AFTER_PROOF), error=error, ambiguous=True)


def _absence_allows_a_write(context: DeliveryContext, row: Deliverable) -> bool:
    now, shared = timezone.now(), shared_clock.now()
    since_first_attempt = shared - (row.first_attempt_at or shared)
    if since_first_attempt < -timing.CLOCK_TOLERANCE:
        outcomes.put_back(context, row, "asking", now + timing.READ_RETRY_INTERVAL, count=False)
        return False
    if since_first_attempt <= timing.ABSENCE_IS_PROOF_AFTER:
        unconfirmed = isinstance(row, Invitation) and row.needs_confirmation
        if row.attempts > timing.MAX_ATTEMPTS or unconfirmed:
            read_again_later(context, row, "")
            return False
        return True
    lands_until = _last_write_lands_until(row, shared)
    if lands_until > shared:
        outcomes.put_back(context, row, "asking", now + (lands_until - shared), count=False)
    else:
        # The host may have deleted it by hand: only she can say whether it should be posted again.
        outcomes.give_up(context, row, "unsure", ask=True)
    return False


def _last_write_lands_until(row: Deliverable, now: dt.datetime) -> dt.datetime:
    """The moment after which nothing of the last write can appear any more."""
    last_write = row.last_attempt_at or now - timing.LATE_WRITE_WINDOW
    # A write that is dated in the future began before the clock was set back.
    return min(last_write, now) + timing.LATE_WRITE_WINDOW


def _stay_ambiguous(context: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    """The key could not be read, which proves nothing: read it again, for a day."""
    outcomes.pause_account(context, result)
    now, error = timezone.now(), (result.error_message or "")[: outcomes.MAX_ERROR_LENGTH]
    if row.first_attempt_at is None:  # a restored row: its reads are counted instead
        too_long = row.attempts > timing.MAX_READ_ATTEMPTS
    else:
        too_long = shared_clock.now() - row.first_attempt_at > timing.UNREADABLE_GIVE_UP_AFTER
    if too_long:
        outcomes.give_up(context, row, "unsure", error=error, ask=True)
        return
    at = now + min(timing.retry_delay(row.attempts), timing.MAX_READ_INTERVAL)
    outcomes.put_back(context, row, "asking", at, error=error, ambiguous=True)
