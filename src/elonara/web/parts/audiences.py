"""How many guests are told of something, in words."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

from elonara.events.messages.models import MessageKind
from elonara.events.messages.readers import hearing
from elonara.events.models import Event
from elonara.invitations.guest_emails.reach import Audience, audience
from elonara.members.models import Member


def told_words(event: Event, by: Member) -> str:
    """How many guests are told when this member changes or cancels the event; "" where nobody is."""
    people = hearing(event, by.pk, with_people=True)
    found = audience(event, people, MessageKind.CHANGED)
    return in_words(found) if found.people else ""


def in_words(found: Audience) -> str:
    """How many people are told, and how many of them cannot be reached by e-mail."""
    people = found.people
    if not settings.ELONARA.email.url:
        said = ngettext("{count} person is told, on this site.", "{count} people are told, on this site.", people)
        return said.format(count=people)
    if not found.unreachable:
        return ngettext("{count} person is told.", "{count} people are told.", people).format(count=people)
    # Two numbers, each with a plural of its own.
    told = npgettext("clause", "{count} person is told", "{count} people are told", people)
    missed = npgettext(
        "clause",
        "{count} cannot be reached by e-mail and sees it on this site",
        "{count} cannot be reached by e-mail and see it on this site",
        found.unreachable,
    )
    return _("{told}, {missed}.").format(told=told.format(count=people), missed=missed.format(count=found.unreachable))
