"""The host's own sentence in her invitations, in place of ours between the mention and the link: what may be in it.

She sees every post before she sends it, and Bluesky must show just that. Our own posts have no other facets than the
mention and the link, but Bluesky's composer, which a host is sent to where nobody can post for her, makes mentions,
links and tags of whatever looks like one. So a name with @, a web address and a #tag are refused: a mention would
notify somebody who has said no or was not chosen, and a link would lead past the invitation.

A sentence remembers what posts told of the target when it was written (`targets.Target.facts`). We never rewrite it;
where these facts have changed since, she is told before the post goes out. What was written for a public target is not
posted about a private one, which no post names; nor is one that names a place which only guests may read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.events.models import Event
from elonara.invitations.models import Batch
from elonara.invitations.planning.standing import PRIVATE, changed_since, listed_facts
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members.text import INVISIBLE, one_line

SENTENCE_LENGTH: Final = 300  # characters; what fits into a post is counted in graphemes, with the mention and the link
MAX_SEEN: Final = 4 * SENTENCE_LENGTH  # characters after normalizing
FIELD: Final = "sentence"  # of the form and of the API

_MENTION: Final = re.compile(r"@[\w.-]\S*")
_TAG: Final = re.compile(r"#(?!\u20e3)\S*[^\W\d_]\w*|#(?!\u20e3)[^\x00-\x7f]\S*|(?<!\w)\$[A-Za-z]\w*")
# An address with a scheme, or words joined by dots: Bluesky takes `picnic.example` for a domain, not `3.30pm` or `a.m.`
_ADDRESS: Final = re.compile(
    r"[a-z][0-9+-]*:/\S*|\bwww\.\S+|\b[^\W\d_][\w-]*(?:\.[\w-]+)*\.[^\W\d_]{2,}\S*", re.IGNORECASE
)
_LOOKS_LIKE: Final = (
    (
        _MENTION,
        gettext_noop(
            "“{word}” in your sentence looks like a mention. The post mentions the person you invite and nobody else."
        ),
    ),
    (
        _ADDRESS,
        gettext_noop(
            "“{word}” in your sentence looks like a web address. "
            "The only link in the post is the one to the invitation."
        ),
    ),
    (_TAG, gettext_noop("“{word}” in your sentence looks like a tag. Tags are not added to invitations.")),
)


def clean(text: object) -> str:
    """The sentence as it will be stored, on one line; "" (ours is used) where nothing of it would be seen."""
    line = one_line(text)
    return line if INVISIBLE.sub("", line).replace("\u2800", "").strip() else ""


def require_allowed(text: str, target: Target) -> None:
    """Raises InvitationRefused where a cleaned sentence may not be posted. The target's own title may be in it."""
    if len(text) > SENTENCE_LENGTH:
        count = len(text)
        sentence = ngettext(
            "Your sentence has {count} character; {limit} fit.",
            "Your sentence has {count} characters; {limit} fit.",
            count,
        ).format(count=count, limit=SENTENCE_LENGTH)
        raise InvitationRefused("sentence_too_long", sentence, field_name=FIELD)
    if named := _private_in(text, target):
        sentence = _("Posts are public, and “{words}” in your sentence is private.").format(words=named)
        raise InvitationRefused("sentence_private", sentence, field_name=FIELD)
    # The whole title, and not one that begins something else, such as an event called "@".
    title = rf"(?<!\S){re.escape(target.title)}(?![\w@/:#$-]|\.\w)"
    apart = re.sub(title, " ", text) if target.title else text
    seen = INVISIBLE.sub("", unicodedata.normalize("NFKC", apart))
    if len(seen) > MAX_SEEN:
        # Normalizing makes up to 18 characters of one. To search them all would take seconds, and of a part of them a
        # mention could be behind the rest.
        sentence = _("Your sentence has too many characters that stand for several. Write them out, or use fewer.")
        raise InvitationRefused("sentence_too_long", sentence, field_name=FIELD)
    for pattern, looks_like in _LOOKS_LIKE:
        if found := pattern.search(seen):
            word = seen[seen.rfind(" ", 0, found.start() + 1) + 1 : found.end()].strip()
            sentence = _(looks_like).format(word=word[:60])
            raise InvitationRefused("sentence_not_plain", sentence, field_name=FIELD)


def in_use(text: str, told: Mapping[str, str] | None, target: Target) -> str:
    """The sentence, or "" where it was written before what it may tell became private: then ours is posted."""
    was_public = PRIVATE not in (told or {})
    return "" if (target.is_private and was_public) or _private_in(text, target) else text


def in_draft(text: str, told: Mapping[str, str] | None, target: Target) -> str:
    """The sentence for Check: one that was written about the target as it is stays, also where it may not be posted.

    `require_allowed` then says why, and she can change it.
    """
    return text if told == target.facts else in_use(text, told, target)


def of_batch(batch: Batch, target: Target) -> str:
    """The sentence of the posts of one Send, "" for ours."""
    return in_use(batch.sentence, batch.sentence_facts, target)


def caution(text: str, told: Mapping[str, str] | None, target: Target) -> str:
    """What the host has to know about her sentence before it is posted; "" where nothing has changed since."""
    if not text or told is None or told == target.facts:
        return ""
    if not in_use(text, told, target):
        return _("Your own sentence is not used here: you wrote it before something in it became private.")
    changed = changed_since(told, target) & {"title", "when", "place"}
    if not changed:
        return ""
    was, now = told.get("when", ""), target.facts.get("when", "")
    if changed == {"when"} and was and was != now:
        return _(
            "You wrote your sentence before the time changed (it was {was}, and is {now}). "
            "We do not change your words: check them again."
        ).format(was=was, now=now)
    return _(
        "You wrote your sentence before the {facts} changed. We do not change your words: check them again."
    ).format(facts=listed_facts(changed, target.kind))


def _private_in(text: str, target: Target) -> str:
    """What a sentence tells that posts may not: title, place or time of what is private, or a hidden place; else ""."""
    place = one_line(target.of.location) if isinstance(target.of, Event) else ""
    hidden = (target.title, place, target.when()) if target.is_private else (place,)
    if not target.is_private and (not place or place == target.facts["place"]):
        return ""
    folded = text.casefold()
    for one in hidden:
        if one and re.search(rf"(?<!\w){re.escape(one.casefold())}(?!\w)", folded):
            return one
    return ""
