"""What posts of 0.1.0 said. Those that were queued then and are still true go out in these words: their hosts saw them.

They named the host in her own posts too, and no time zone. Nothing new is composed like this.
"""

from __future__ import annotations

from elonara.invitations.models import Voice
from elonara.invitations.targets import Target


def announcement(target: Target, voice: str, title: str, name: str, handle: str) -> str:
    """The text of an announcement before its link."""
    when = f"{target.when()}. " if target.when() else ""
    by = "hosted by" if target.kind == "event" else "a community by"
    return f"{title}, {by} {_who(voice, name, handle)}\n{when}The invitations are in the replies.\n"


def invites(target: Target, voice: str, title: str, name: str, handle: str) -> str:
    """The text of an invitation between mention and link."""
    who = _who(voice, name, handle)
    if target.is_private:
        return f"{who} invites you to a private {target.kind}"
    to = title if target.kind == "event" else f"join {title}"
    when = f", {target.when()}" if target.when() else ""
    if voice == Voice.RELAY:
        return f"{who} invites you to {to}{when}"
    return f"You're invited to {to} by {who}{when}"


def _who(voice: str, name: str, handle: str) -> str:
    return f"{name} (@{handle})" if voice == Voice.RELAY else name
