"""Sentences for the operator's pages in place of the codes in rows. Those of reasons are in `invitations.reasons`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from elonara.invitations import reasons
from elonara.invitations.models import State

# States of posts. E-mail invitations use a subset of them.
STATES: Final[Mapping[str, str]] = {
    State.QUEUED: "Queued",
    State.SENDING: "Sending",
    State.SENT: "Sent",
    State.FAILED: "Failed",
    State.WAITING: "Waiting for the host",
    State.SUPPRESSED: "Not allowed to go",
    State.CANCELLED: "Cancelled",
    State.UNDOING: "Being taken back",
    State.UNDONE: "Taken back",
    State.HANDED_OVER: "Posted by the host herself",
}
ENGINES: Final[Mapping[str, str]] = {
    "embedded": "Threads of the web server",
    "procrastinate": "A worker process",
}
HELD: Final[Mapping[str, str]] = {
    "clock": "its clock is more than a minute off from the database's",
    "keys": "it lacks keys that stored secrets are sealed under",
}
HELD_ADVICE: Final[Mapping[str, str]] = {
    "clock": "Keep its clock right: timedatectl set-ntp true (systemd), or any NTP client. It continues automatically.",
    "keys": "Copy the folder keys of data_dir to it from the machine where keys were rotated. "
    "It continues automatically.",
}
TASKS: Final[Mapping[str, str]] = {
    "renew sessions": "Renew sessions at Bluesky that nobody uses, before they end.",
    "self check": "Check whether clock and client metadata are right again, while a notice says that they are not.",
    "stored graphs": "Start reading the followers and follows of connected members who have none stored.",
    "fill places": "Give free places to people who are waiting.",
    "admit guests": "Give a place to people who asked for one at an event that no longer needs approval.",
    "pass offers on": "Offer places to the next person where the time to accept one has run out.",
    "answer digests": "Send hosts the daily e-mail about new answers, at eight in the morning of their own clocks.",
    "share pictures": "Find pictures of events for other sites that show an earlier name or design of this site.",
    "guest data": "Delete what is known of guests of events that ended long ago, 30 days after operators were told.",
    "clear away": "Clear away what has expired.",
}
SERVERS: Final[Mapping[str, str]] = {
    "rate_limited": "It counts this site's requests, and there were nearly as many as it allows.",
}
SPACED: Final = "It has used up what Bluesky lets one account write for now."  # for a pause without a stored reason
FAILED: Final = "It failed the last time and will be tried again automatically; the log says more: {error}."


def _rest(code: str) -> str:
    return reasons.sentence(code) or SPACED


def _failure(error: str) -> str:
    return FAILED.format(error=error.rstrip(".")) if error else ""


_KINDS: Final[Mapping[str, Callable[[str], str]]] = {
    "reason": reasons.sentence,
    "rest": _rest,
    "state": lambda code: STATES.get(code, "In a state of another version"),
    "engine": lambda code: ENGINES.get(code, "An engine of another version"),
    "held": lambda code: HELD.get(code, "for a reason of another version"),
    "task": lambda code: TASKS.get(code, "A task of another version."),
    "server": lambda code: SERVERS.get(code, "It asked this site to wait."),
    "failure": _failure,
}


def in_words(code: str, kind: str) -> str:
    """The sentence for a code. `kind` says which codes it is one of: see `_KINDS`. Raises KeyError for another kind."""
    return _KINDS[kind](code)
