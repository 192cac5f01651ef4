"""What a message says, in sentences: the same in the e-mail, on the event's page and in the inbox."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from elonara.communities.models import Visibility
from elonara.communities.principals import rows_of
from elonara.compiled_queries import CompiledQuery
from elonara.events.messages.facts import GuestFacts, differences, start_and_end
from elonara.events.messages.models import TOLD, GuestMessage, MessageKind
from elonara.events.messages.readers import of_viewer
from elonara.events.models import Event, Rsvp
from elonara.events.times import both_phrases, days_phrase, zone_label
from elonara.members.models import Member

SHOWN_ON_A_PAGE = 20
# The kind that says nothing of the event but the title, which the person knew.
TITLE_ALONE = MessageKind.DECLINED

# Most events have no messages, and each visit of a guest asks.
_ANYTHING = CompiledQuery(
    lambda event: GuestMessage.objects.filter(event=event, state__in=TOLD).values_list("pk", flat=True)[:1]
)
_SENTENCES = {
    MessageKind.CANCELLED: gettext_noop("{title} was cancelled."),
    MessageKind.REMINDER_DAY: gettext_noop("{title} begins in a day."),
    MessageKind.REMINDER_HOUR: gettext_noop("{title} begins in an hour."),
}


@dataclass(frozen=True)
class ToldItem:
    """One thing that somebody was told, for pages."""

    text: str
    details: dict[str, str]  # when and where, by label
    word: str  # of a host, "" for none
    by: str  # the host who wrote it, "" for none
    at: dt.datetime
    event: Event
    title_alone: bool  # the event's page may not be open to her
    message: UUID | None = None  # what a host wrote, to be reported


def told_to(
    member: Member | None,
    dids: Collection[str] = (),
    *,
    email_invitation: UUID | None = None,
    event: Event | None = None,
) -> list[ToldItem]:
    """What a viewer was told lately, newest first: about one event, or about all.

    Where somebody is no guest any more, and the event is private or hidden, nothing of it is shown.
    """
    if event is not None and not _ANYTHING.exists(event=event.pk):
        return []
    viewer = of_viewer(member.pk if member else None, list(dids), email_invitation)
    rows = GuestMessage.objects.filter(viewer, state__in=TOLD)
    if event is not None:
        rows = rows.filter(event=event)
    own = rows_of(member, tuple(dids))
    if email_invitation is not None:
        own |= Q(email_invitation=email_invitation) & (Q(member=None) if member is not None else Q())
    answers = Rsvp.objects.filter(own, event=OuterRef("event"))
    rows = rows.filter(
        Q(event__visibility=Visibility.PUBLIC) | Exists(answers) | Q(kind=TITLE_ALONE), event__hidden_at=None
    )
    rows = rows.select_related("event", "host_message__by").order_by("-told_at", "-pk")[:SHOWN_ON_A_PAGE]
    zone = member.timezone if member else ""
    return [item(row, zone) for row in rows]


def item(row: GuestMessage, zone: str) -> ToldItem:
    """One row in words, with times in this zone ("": the event's)."""
    words = row.host_message
    by = words.by.name if words is not None else ""
    word = words.text if words is not None else row.word
    at, title_alone = row.told_at or row.created_at, row.kind == TITLE_ALONE
    details = details_of(row, zone)
    return ToldItem(sentence(row), details, word, by, at, row.event, title_alone, row.host_message_id)


def sentence(row: GuestMessage) -> str:
    """The first sentence of a message."""
    title = row.event.title
    if row.kind == MessageKind.HOST:
        if row.host_message is None:
            return _("A host writes to the guests of {title}.").format(title=title)
        return _("{by} writes to the guests of {title}.").format(by=row.host_message.by.name, title=title)
    if row.kind == MessageKind.CHANGED:
        if news := new_in(row):
            return _("{title} has a new {news}.").format(title=title, news=in_words(news))
        return _("{title} now takes place in a different way.").format(title=title)
    if row.kind == MessageKind.REMINDER_DAY and row.event.all_day:
        return _("{title} begins tomorrow.").format(title=title)
    return row.sentence or _(_SENTENCES[MessageKind(row.kind)]).format(title=title)


def new_in(row: GuestMessage) -> tuple[str, ...]:
    """What is new to the reader of a change, as in `facts.differences`: a link that holds no more is no new one."""
    told = row.told or {}
    return tuple(name for name in differences(row.before or {}, told) if name != "link" or told.get("link"))


def details_of(row: GuestMessage, zone: str) -> dict[str, str]:
    """When and where, as this row tells it: by label. Nothing for somebody who is no guest any more."""
    if row.kind in (TITLE_ALONE, MessageKind.HOST) or not row.told:
        return {}
    found = {_("When"): when(row.event, row.told, zone)}
    if row.told.get("place"):
        found[_("Where")] = row.told["place"]
    if row.told.get("link"):
        found[_("Online")] = row.told["link"]
    before = row.before or {}
    changed = differences(before, row.told) if row.kind == MessageKind.CHANGED else ()
    if "time" in changed:
        found[_("Before, it was")] = when(row.event, before, zone)
    if "place" in changed and before.get("place"):
        found[_("Before, the place was")] = before["place"]
    return found


def in_words(names: Sequence[str]) -> str:
    """`time`, `time and place`, `time, place and link`."""
    news = {
        "time": pgettext("what is new", "time"),
        "place": pgettext("what is new", "place"),
        "link": pgettext("what is new", "link"),
    }
    return get_text_list([news[name] for name in names], _("and"))


def when(event: Event, facts: GuestFacts, zone: str) -> str:
    """The time that these facts have, in a zone ("": the event's), and in the event's where it differs."""
    moment = copy.copy(event)
    moment.starts_at, moment.ends_at = start_and_end(facts, event)
    moment.all_day = bool(facts.get("all_day"))
    if moment.all_day:
        return days_phrase(moment)
    theirs, there = both_phrases(moment, zone)
    return f"{theirs} ({there})" if there else f"{theirs}, {zone_label(event.timezone)}"
