"""How many guests are told of something, in words."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

from elonara.events.messages.facts import differences, facts_for, without_hiding
from elonara.events.messages.models import MessageKind
from elonara.events.messages.readers import hearing
from elonara.events.models import Event
from elonara.events.queries import is_over
from elonara.invitations.guest_emails.reach import Audience, audience
from elonara.invitations.queries import unanswered
from elonara.members.models import Member
from elonara.web.parts.links import with_way_on

NEWS = ("starts_at", "ends_at", "all_day", "location", "online_link")  # of an event, to its guests


def told_words(event: Event, by: Member) -> str:
    """How many guests are told when this member changes or cancels the event; "" where nobody is."""
    people = hearing(event, by.pk, with_people=True)
    found = audience(event, people, MessageKind.CHANGED)
    return in_words(found) if found.people else ""


def told_of_change(before: Event, event: Event, by: Member) -> str:
    """Who hears of a change that this member has just made; "" where no guest's time, place or link is another one.

    `before`: the event as it was. By the same rules as `events.messages.telling.changed`, so that no more is promised.
    """
    if event.hidden_at is not None or is_over(event):
        return ""
    people = list(hearing(event, by.pk, with_people=True))
    if not people:
        is_news = any(getattr(before, name) != getattr(event, name) for name in NEWS)
        if not is_news:
            return ""
        invited = invited_words(event)
        if not invited:
            return str(_("There is nobody to tell yet."))
        address = f"/events/{event.slug}/manage?tab=invite&step=watch"
        return with_way_on(invited, address, _("See who was invited"))
    before = without_hiding(before, event)
    heard = [row for row in people if differences(facts_for(before, row), facts_for(event, row))]
    return in_words(audience(event, heard, MessageKind.CHANGED)) if heard else ""


def invited_words(event: Event) -> str:
    """How many were invited and have not answered, and how they learn of a change; "" for nobody."""
    count = unanswered(event)
    if not count:
        return ""
    return ngettext(
        "{count} invited person has not answered yet. They get no message about a change: their invitation shows what "
        "is new when they open it. To tell them now, write to them yourself.",
        "{count} invited people have not answered yet. They get no message about a change: their invitations show what "
        "is new when they open them. To tell them now, write to them yourself.",
        count,
    ).format(count=count)


def in_words(found: Audience) -> str:
    """How many people are told, and how many of them cannot be reached by e-mail."""
    people = found.people
    if not settings.ELONARA.email.url:
        return ngettext(
            "{count} guest sees it on the event’s page, as this site sends no e-mail.",
            "{count} guests see it on the event’s page, as this site sends no e-mail.",
            people,
        ).format(count=people)
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
