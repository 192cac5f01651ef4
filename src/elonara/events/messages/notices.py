"""Notices on the pages of members who are guests; guests without an account see changes on the event's page."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.events.messages.facts import GuestFacts
from elonara.events.messages.models import MessageKind
from elonara.events.models import Event, Rsvp
from elonara.events.times import local_phrase, zone_label
from elonara.members.models import Notice

# The kinds of notices: a member has at most one open notice of a kind, and a newer text replaces the older.
_TOPICS: Final = {
    MessageKind.CHANGED: "event",
    MessageKind.CANCELLED: "event",
    MessageKind.PLACE: "place",
    MessageKind.OFFERED: "place",
    MessageKind.ACCEPTED: "place",
    MessageKind.DECLINED: "place",
    MessageKind.ANSWER: "place",
    MessageKind.REMINDER_DAY: "soon",
    MessageKind.REMINDER_HOUR: "soon",
    MessageKind.HOST: "words",
}


def sentence(event: Event, kind: str, word: str = "", name: str = "", where: str = "") -> str:
    """What a notice says of something that many are told. `name`: who writes, of the words of a host; `where`: the
    place that its reader may know.
    """
    if kind == MessageKind.HOST:
        text = _("{name} writes about {event}: {word}").format(name=name, event=event.title, word=word)
    elif kind in (MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOUR):
        text = _("{event} begins soon: {facts}.").format(event=event.title, facts=_when_and_where(event, where))
    elif kind == MessageKind.CHANGED:
        text = _("{event} has changed: {facts}.").format(event=event.title, facts=_when_and_where(event, where))
    else:
        text = with_word(_("{event} was cancelled.").format(event=event.title), word)
    return text[:500]


def with_word(sentence: str, word: str) -> str:
    """What happened, and the word of a host with it."""
    return _("{sentence} “{word}”").format(sentence=sentence, word=word) if word else sentence


def of_change(event: Event, changed: Collection[str], now: GuestFacts) -> str:
    """What a notice says of a change: `changed` as in `facts.differences`, `now` what its reader may know."""
    if set(changed) == {"link"} and now["link"]:
        text = _("The link of {event} for those who join online is new. You find it on the event’s page.")
        return text.format(event=event.title)
    return sentence(event, MessageKind.CHANGED, where=now["place"])


def settle(event: Event, row: Rsvp) -> None:
    """Dismiss what a member was told of her answer: she has answered since."""
    if row.member_id is not None:
        dismiss(event, MessageKind.ANSWER, [row.member_id])


def leave(event: Event, kind: str, text: str, members: Collection[int]) -> None:
    """Leave a notice for each member, in a fixed number of statements for any number of them."""
    if not members:
        return
    topic, link, now = _topic(event, kind), _link(event, kind), timezone.now()
    Notice.objects.filter(kind=topic, dismissed_at=None, member__in=members).update(
        text=text, link=link, created_at=now
    )
    Notice.objects.bulk_create(
        [Notice(member_id=member, kind=topic, text=text, link=link) for member in members],
        batch_size=500,
        ignore_conflicts=True,
    )


def dismiss(event: Event, kind: str, members: Collection[int]) -> None:
    """Dismiss the open notices of these members, because what they say is not true any more."""
    if members:
        open_ones = Notice.objects.filter(kind=_topic(event, kind), dismissed_at=None, member__in=members)
        open_ones.update(dismissed_at=timezone.now())


def take_back(event: Event) -> None:
    """Dismiss all notices about an event that an operator has hidden: they name it, and lead to a page that is gone."""
    topics = {_topic(event, kind) for kind in _TOPICS}
    Notice.objects.filter(kind__in=topics, dismissed_at=None).update(dismissed_at=timezone.now())


def _topic(event: Event, kind: str) -> str:
    return f"{_TOPICS[MessageKind(kind)]}:{event.pk}"


def _link(event: Event, kind: str) -> str:
    return "" if kind == MessageKind.DECLINED else f"/events/{event.slug}"


def _when_and_where(event: Event, where: str) -> str:
    when = local_phrase(event)
    if not event.all_day:
        when = _("{when} ({zone})").format(when=when, zone=zone_label(event.timezone))
    return _("{when}, {place}").format(when=when, place=where) if where else when
