"""Every duration that delivery depends on, in one table, with what each is derived from.

| name | value | why |
|---|---|---|
| `REQUEST_DEADLINE` | 20 s | the longest any request of ours lasts (`elonara.atproto.http`) |
| `SERVER_GRACE` | 5 min | a server may finish a write after we stopped waiting for its response |
| `LATE_WRITE_WINDOW` | the two above together | after it, a write that began before it cannot land any more |
| `ABSENCE_IS_PROOF_AFTER` | 10 min | up to then an absent post is written again by itself; later the host is asked |
| `UNREADABLE_GIVE_UP_AFTER` | 1 day | for so long we go on asking a server that cannot say whether the post is there |
| `READ_RETRY_INTERVAL` | 1 min | between two reads of a record key while nothing else is due |
| `CLOCK_TOLERANCE` | 1 min | an attempt dated further ahead was dated before the clock was set back |
| `MIN_LEASE_SECONDS` | two requests + 5 s | left on a lease before a create, so that it ends before the next worker |
| `LANE_LEASE_SECONDS` | 60 s | how long a silent worker keeps an account from the others |
| `TURN_SECONDS` | 20 s | after which a worker gives its thread to another account |
| `SET_ASIDE_FOR` | 4 min | after an unforeseen error; inside the ten minutes, so that the row still goes by itself |
| `ATTEMPT_DELAYS_SECONDS` | 20 s … 10 h | eight attempts within a day, with jitter |
| `UNDO_READS_SECONDS` | 5, 20, 60, 150 s | reads after a delete; the last one comes after `LATE_WRITE_WINDOW` |

Why ten minutes: it is nearly twice `LATE_WRITE_WINDOW`, so a first attempt has landed or never will before it is over,
and it is short enough that a host has hardly found the post and deleted it by hand. Inside it an absent post means "not
written", so writing it again at the same key is right. Afterwards absence could also mean "deleted by the host", and
only she can say which.
"""

from __future__ import annotations

import datetime as dt
import random

REQUEST_DEADLINE = dt.timedelta(seconds=20)
SERVER_GRACE = dt.timedelta(minutes=5)
LATE_WRITE_WINDOW = REQUEST_DEADLINE + SERVER_GRACE
ABSENCE_IS_PROOF_AFTER = dt.timedelta(minutes=10)
READ_AFTER_PROOF = dt.timedelta(seconds=5)  # a read that decides comes this long after the limit it waits for

READ_RETRY_INTERVAL = dt.timedelta(minutes=1)
UNREADABLE_GIVE_UP_AFTER = dt.timedelta(days=1)
MAX_READ_INTERVAL = dt.timedelta(hours=1)
# The reads of one day: with the delays below there are four in the first hour, then one each hour.
MAX_READ_ATTEMPTS = 4 + int(UNREADABLE_GIVE_UP_AFTER / MAX_READ_INTERVAL)
CLOCK_TOLERANCE = dt.timedelta(minutes=1)

MAX_ATTEMPTS = 8
ATTEMPT_DELAYS_SECONDS = (20, 60, 240, 900, 3600, 4 * 3600, 10 * 3600)
AMBIGUOUS_RETRY = dt.timedelta(seconds=5)  # times the number of attempts, at most MAX_AMBIGUOUS_RETRIES of them
MAX_AMBIGUOUS_RETRIES = 12
DEFAULT_RATE_LIMIT_PAUSE = dt.timedelta(minutes=5)  # for a 429 that names no time
MAX_RATE_LIMIT_PAUSE = dt.timedelta(days=1)
MIN_RATE_LIMIT_PAUSE = dt.timedelta(seconds=1)

MIN_LEASE_SECONDS = 2 * REQUEST_DEADLINE.total_seconds() + 5
LANE_LEASE_SECONDS = 60.0
EXTEND_LEASE_BELOW_SECONDS = 50.0  # checked before each row; a create checks MIN_LEASE_SECONDS once more
LANE_BUSY_RETRY = dt.timedelta(seconds=3)
TURN_SECONDS = 20.0
SET_ASIDE_FOR = dt.timedelta(minutes=4)

WAITING_POLL_INTERVAL = dt.timedelta(hours=1)  # a waiting row is looked at this often, should its wake-up be lost
GRAPH_RETRY_INTERVAL = dt.timedelta(minutes=5)
AUTHOR_RETRY_INTERVAL = dt.timedelta(minutes=1)
ANNOUNCEMENT_RETRY_INTERVAL = dt.timedelta(minutes=1)

UNDO_READS_SECONDS = (5, 20, 60, 150)
UNDO_FIRST_RETRY = dt.timedelta(seconds=15)
UNDO_LAST_RETRY = dt.timedelta(hours=6)
UNDO_STILL_THERE_RETRY = dt.timedelta(seconds=2)
REAUTHORIZE_RETRY_INTERVAL = dt.timedelta(hours=1)


def retry_delay(attempts: int) -> dt.timedelta:
    """How long to wait after this many attempts, with jitter so that accounts do not come back together."""
    seconds = ATTEMPT_DELAYS_SECONDS[min(max(attempts, 1), len(ATTEMPT_DELAYS_SECONDS)) - 1]
    return dt.timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
