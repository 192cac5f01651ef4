"""Every reason why an invitation is not (or not yet) sent, by its code: one of ours, or one of the writing agents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.reasons import KEYS_MISSING, SENTENCES
from elonara.invitations.reasons import emails, own_words, persons, posts, requests
from elonara.invitations.reasons.table import Reason

__all__ = ["REASONS", "Reason", "codes_with", "reason", "sentence", "way_on"]

# In English, as the tables have them; `reason` gives them in the language of the reader.
REASONS: dict[str, Reason] = {
    reason.code: reason for reason in (*persons.ALL, *posts.ALL, *emails.ALL, *requests.ALL, *own_words.ALL)
}
# Codes of the agents (`elonara.bluesky.reasons`): those that need the host to reauthorize, and temporary ones.
REAUTHORIZE = frozenset({
    "disconnected", "revoked", "refresh_lost", "client_changed", "wrong_account", "refused", "unreadable",
})  # fmt: skip
PASSING = frozenset({
    "busy", KEYS_MISSING, "address_changed", "unreachable", "no_answer", "server", "clock", "client_refused",
    "token_refused", "blob_not_found",
})  # fmt: skip
_UNKNOWN = Reason(
    "", gettext_noop("Bluesky did not accept it."), gettext_noop("Send it again, or copy the link."), "retry"
)
_CONTINUES = gettext_noop("It then continues automatically. Or post the text yourself.")
_TRIED_AGAIN = gettext_noop("We will try again automatically.")


def reason(code: str) -> Reason:
    """The reason for a code, ours or one of the agents' (`elonara.bluesky.reasons`), in the reader's language."""
    found = _in_english(code)
    return replace(found, sentence=_(found.sentence), way_on=_(found.way_on))


def codes_with(actions: Collection[str]) -> list[str]:
    """The codes of all reasons whose `action` is one of these."""
    return [code for code in {**REASONS, **SENTENCES} if _in_english(code).action in actions]


def sentence(code: str) -> str:
    """The sentence for a code, "" for no code."""
    return reason(code).sentence if code else ""


def way_on(code: str) -> str:
    """What the host can do about it, "" for no code or where nothing can be done."""
    return reason(code).way_on if code else ""


def _in_english(code: str) -> Reason:
    if code in REASONS:
        return REASONS[code]
    found = SENTENCES.get(code, _UNKNOWN.sentence)
    if code in REAUTHORIZE:
        return Reason(code, found, _CONTINUES, "reauthorize")
    if code in PASSING:
        return Reason(code, found, _TRIED_AGAIN, "wait")
    return Reason(code, found, _UNKNOWN.way_on, _UNKNOWN.action)
