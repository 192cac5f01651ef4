"""Sentences for the operator's pages in place of the codes in rows. Those of reasons are in `invitations.reasons`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.invitations import reasons
from elonara.invitations.models import State

# States of posts. E-mail invitations use a subset of them.
STATES: Final[Mapping[str, str]] = {
    State.QUEUED: gettext_noop("Queued"),
    State.SENDING: gettext_noop("Sending"),
    State.SENT: gettext_noop("Sent"),
    State.FAILED: gettext_noop("Failed"),
    State.WAITING: gettext_noop("Waiting for the host"),
    State.SUPPRESSED: gettext_noop("Not allowed to go"),
    State.CANCELLED: gettext_noop("Cancelled"),
    State.UNDOING: gettext_noop("Being taken back"),
    State.UNDONE: gettext_noop("Taken back"),
    State.HANDED_OVER: gettext_noop("Posted by the host herself"),
}
ENGINES: Final[Mapping[str, str]] = {
    "embedded": gettext_noop("Threads of the web server"),
    "procrastinate": gettext_noop("A worker process"),
}
HELD: Final[Mapping[str, str]] = {
    "clock": gettext_noop("its clock is more than a minute off from the database's"),
    "keys": gettext_noop("it lacks keys that stored secrets are sealed under"),
}
HELD_ADVICE: Final[Mapping[str, str]] = {
    "clock": gettext_noop(
        "Keep its clock right: timedatectl set-ntp true (systemd), or any NTP client. It continues automatically."
    ),
    "keys": gettext_noop(
        "Copy the folder keys of data_dir to it from the machine where keys were rotated. It continues automatically."
    ),
}
TASKS: Final[Mapping[str, str]] = {
    "renew sessions": gettext_noop("Renew sessions at Bluesky that nobody uses, before they end."),
    "self check": gettext_noop(
        "Check whether clock and client metadata are right again, while a notice says that they are not."
    ),
    "stored graphs": gettext_noop("Start reading the followers and follows of connected members who have none stored."),
    "fill places": gettext_noop("Give free places to people who are waiting."),
    "admit guests": gettext_noop("Give a place to people who asked for one at an event that no longer needs approval."),
    "pass offers on": gettext_noop("Offer places to the next person where the time to accept one has run out."),
    "answer digests": gettext_noop(
        "Send hosts the daily e-mail about new answers, at eight in the morning of their own clocks."
    ),
    "share pictures": gettext_noop(
        "Find pictures of events for other sites that show an earlier name or design of this site."
    ),
    "guest data": gettext_noop(
        "Delete what is known of guests of events that ended long ago, 30 days after operators were told."
    ),
    "clear away": gettext_noop("Clear away what has expired."),
}
SERVERS: Final[Mapping[str, str]] = {
    "rate_limited": gettext_noop("It counts this site's requests, and there were nearly as many as it allows."),
}
SPACED: Final = gettext_noop(
    "It has used up what Bluesky lets one account write for now."
)  # for a pause without a stored reason
FAILED: Final = gettext_noop(
    "It failed the last time and will be tried again automatically; the log says more: {error}."
)


def _rest(code: str) -> str:
    return reasons.sentence(code) or _(SPACED)


def _failure(error: str) -> str:
    return _(FAILED).format(error=error.rstrip(".")) if error else ""


_KINDS: Final[Mapping[str, Callable[[str], str]]] = {
    "reason": reasons.sentence,
    "rest": _rest,
    "state": lambda code: _(STATES.get(code, gettext_noop("In a state of another version"))),
    "engine": lambda code: _(ENGINES.get(code, gettext_noop("An engine of another version"))),
    "held": lambda code: _(HELD.get(code, gettext_noop("for a reason of another version"))),
    "task": lambda code: _(TASKS.get(code, gettext_noop("A task of another version."))),
    "server": lambda code: _(SERVERS.get(code, gettext_noop("It asked this site to wait."))),
    "failure": _failure,
}


def in_words(code: str, kind: str) -> str:
    """The sentence for a code. `kind` says which codes it is one of: see `_KINDS`. Raises KeyError for another kind."""
    return _KINDS[kind](code)
