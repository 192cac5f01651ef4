"""When the relay account cannot post: the operators are told, as no host can mend it, and its PDS is left in peace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from elonara.bluesky.oauth.failures import named
from elonara.members.notices import notify_operators, settle_operators
from elonara.options import Relay

KIND: Final = "relay password"  # of the operators' notice
REFUSED: Final = (
    "Bluesky does not take the app password of this site's own account, {who}, so nothing is posted from it. Make a "
    "new one in the Bluesky app and set it as bluesky.relay.app_password; what waits for it then goes on."
)
# How long no new session is tried. Each process counts for itself: six of them stay below the 300 tries of a day.
AWAY_FOR: Final = timedelta(minutes=30)
REFUSED_FOR: Final = timedelta(hours=1)

_last: tuple[Relay, datetime] | None = None  # the settings that failed, and until when


def refused(identifier: str) -> None:
    """The PDS does not take the password of the relay `identifier` (a handle or DID): tell the operators."""
    notify_operators(KIND, REFUSED.format(who=named(identifier)), "/admin/jobs/")


def remember(relay: Relay, for_: timedelta) -> None:
    """A session could not be made. Every page and every post of an approved host would try again."""
    global _last  # noqa: PLW0603
    _last = relay, timezone.now() + for_


def failed_recently(relay: Relay) -> bool:
    """Whether it failed with these very settings a moment ago."""
    return _last is not None and _last[0] == relay and timezone.now() < _last[1]


def settle() -> None:
    """It works again."""
    settle_operators(KIND)
