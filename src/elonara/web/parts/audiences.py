"""How many guests are told of something, in words."""

from __future__ import annotations

from django.conf import settings

from elonara.events.messages.models import MessageKind
from elonara.events.messages.readers import hearing
from elonara.events.models import Event
from elonara.invitations.guest_emails.reach import Audience, audience
from elonara.members.models import Member

_ONE = "cannot be reached by e-mail and sees it on this site"
_MORE = "cannot be reached by e-mail and see it on this site"


def told_words(event: Event, by: Member) -> str:
    """How many guests are told when this member changes or cancels the event; "" where nobody is."""
    people = hearing(event, by.pk, with_people=True)
    found = audience(event, people, MessageKind.CHANGED)
    return in_words(found) if found.people else ""


def in_words(found: Audience) -> str:
    """How many people are told, and how many of them cannot be reached by e-mail."""
    people = "1 person is told" if found.people == 1 else f"{found.people} people are told"
    if not settings.ELONARA.email.url:
        return f"{people}, on this site."
    if not found.unreachable:
        return f"{people}."
    return f"{people}, {found.unreachable} {_ONE if found.unreachable == 1 else _MORE}."
