"""What the site knows of the guests of past events, which is deleted a time after their end.

`telling` says when: never before 30 days after the operators were told. `deletion` deletes it, in small batches. What
is not of guests (the event, its questions, its public posts) stays, as do opt-outs and the places taken in caps.
"""

from __future__ import annotations

from elonara.housekeeping.guest_data.telling import run

__all__ = ["run"]
