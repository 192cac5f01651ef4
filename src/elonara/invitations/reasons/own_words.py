"""The reasons why what a host has written herself cannot be posted as it is."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from elonara.invitations.reasons.table import Reason

ALL = (
    Reason("note_too_long", gettext_noop("The note is too long."), gettext_noop("Make it shorter.")),
    Reason("line_too_long", gettext_noop("A personal line is too long."), gettext_noop("Make it shorter.")),
    Reason(
        "sentence_too_long",
        gettext_noop("The sentence is too long for a post."),
        gettext_noop("Make it shorter, or use the usual one."),
    ),
    Reason(
        "sentence_not_plain",
        gettext_noop("The sentence has something in it that looks like a mention, a web address or a tag."),
        gettext_noop("Write it another way, or use the usual sentence."),
    ),
    Reason(
        "sentence_private",
        gettext_noop("The sentence tells something that is private."),
        gettext_noop("Leave it out, or use the usual sentence."),
    ),
)
