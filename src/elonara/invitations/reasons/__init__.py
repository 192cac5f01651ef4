"""Every reason why an invitation is not (or not yet) sent, by its code: one of ours, or one of the writing agents."""

from __future__ import annotations

from collections.abc import Collection

from elonara.bluesky.reasons import KEYS_MISSING, SENTENCES
from elonara.invitations.reasons import own_words, table
from elonara.invitations.reasons.table import Reason

__all__ = ["REASONS", "Reason", "codes_with", "reason", "sentence", "way_on"]

REASONS: dict[str, Reason] = {reason.code: reason for reason in (*table.ALL, *own_words.ALL)}
# Codes of the agents (`elonara.bluesky.reasons`): those that need the host to reauthorize, and temporary ones.
REAUTHORIZE = frozenset({
    "disconnected", "revoked", "refresh_lost", "client_changed", "wrong_account", "refused", "unreadable",
})  # fmt: skip
PASSING = frozenset({
    "busy", KEYS_MISSING, "address_changed", "unreachable", "no_answer", "server", "clock", "client_refused",
    "token_refused", "blob_not_found",
})  # fmt: skip
_UNKNOWN = Reason("", "Bluesky did not accept it.", "Send it again, or copy the link.", "retry")


def reason(code: str) -> Reason:
    """The reason for a code: ours, or one of the agents' (`elonara.bluesky.reasons`)."""
    if code in REASONS:
        return REASONS[code]
    found = SENTENCES.get(code, _UNKNOWN.sentence)
    if code in REAUTHORIZE:
        return Reason(code, found, "It then continues automatically. Or post the text yourself.", "reauthorize")
    if code in PASSING:
        return Reason(code, found, "We will try again automatically.", "wait")
    return Reason(code, found, _UNKNOWN.way_on, _UNKNOWN.action)


def codes_with(actions: Collection[str]) -> list[str]:
    """The codes of all reasons whose `action` is one of these."""
    return [code for code in {**REASONS, **SENTENCES} if reason(code).action in actions]


def sentence(code: str) -> str:
    """The sentence for a code, "" for no code."""
    return reason(code).sentence if code else ""


def way_on(code: str) -> str:
    """What the host can do about it, "" for no code or where nothing can be done."""
    return reason(code).way_on if code else ""
