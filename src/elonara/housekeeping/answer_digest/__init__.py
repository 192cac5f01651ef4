"""The e-mail that tells a host who answered: at most one a day, in her morning, and only if somebody did.

`news` says who, `message` in which words, `sending` when; `choices` is how she ends it. Her front page shows the same
answers (`events.guests.latest`), with or without an e-mail.
"""

from __future__ import annotations

from elonara.housekeeping.answer_digest.choices import by_token, choose, wants
from elonara.housekeeping.answer_digest.sending import send_due

__all__ = ["by_token", "choose", "send_due", "wants"]
