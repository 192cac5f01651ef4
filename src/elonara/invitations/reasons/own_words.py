"""The reasons why what a host has written herself cannot be posted as it is."""

from __future__ import annotations

from elonara.invitations.reasons.table import Reason

ALL = (
    Reason("note_too_long", "The note is too long.", "Make it shorter."),
    Reason("line_too_long", "A personal line is too long.", "Make it shorter."),
    Reason("sentence_too_long", "The sentence is too long for a post.", "Make it shorter, or use the usual one."),
    Reason(
        "sentence_not_plain",
        "The sentence has something in it that looks like a mention, a web address or a tag.",
        "Write it another way, or use the usual sentence.",
    ),
    Reason(
        "sentence_private",
        "The sentence tells something that is private.",
        "Leave it out, or use the usual sentence.",
    ),
)
