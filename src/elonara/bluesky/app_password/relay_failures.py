"""When the relay account gets no session: the operators are notified, and no other session is tried for a while.

No host can do anything about it, so none is asked to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.oauth.failures import named
from elonara.members.notices import notify_operators, settle_operators
from elonara.options import Relay

NOTICE_KIND: Final = "relay password"  # stored in the notice
REFUSED: Final = gettext_noop(
    "Bluesky does not accept the app password of this site's own account, {who}, so nothing is posted from it. Create "
    "a new one in the Bluesky app and set it as bluesky.relay.app_password; what is waiting for it will then go out."
)
MOVED: Final = gettext_noop(
    "This site's own account, {who}, has moved to another server, so nothing is posted from it. Create an app password "
    "there and set it as bluesky.relay.app_password; what is waiting for it will then go out."
)
# How long no session is tried after a failure. Each process counts for itself: 48 tries a day in each of six processes
# stay below the 300 `createSession` that a PDS allows a day.
UNREACHABLE_PAUSE: Final = timedelta(minutes=30)
REFUSED_PAUSE: Final = timedelta(hours=1)

_last: tuple[Relay, datetime] | None = None  # the settings that failed, and until when they are not tried


def refused(identifier: str, *, moved: bool = False) -> None:
    """Notify the operators that the PDS refuses the password of the relay `identifier` (a handle or DID).

    `moved`: it was of a server that the account has left.
    """
    notify_operators(NOTICE_KIND, _(MOVED if moved else REFUSED).format(who=named(identifier)), "/admin/jobs/")


def pause(relay: Relay, duration: timedelta) -> None:
    """Try no session with these settings for a while: otherwise every page and every post would try one."""
    global _last  # noqa: PLW0603
    _last = relay, timezone.now() + duration


def is_paused(relay: Relay) -> bool:
    """Whether these very settings have failed recently."""
    return _last is not None and _last[0] == relay and timezone.now() < _last[1]


def settle() -> None:
    """Withdraw the operators' notice: the relay account has a session again."""
    settle_operators(NOTICE_KIND)
