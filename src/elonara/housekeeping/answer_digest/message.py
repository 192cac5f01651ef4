"""The digest as an e-mail, as plain text and as HTML."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from elonara.events.models import Rsvp
from elonara.events.times import short_phrase_there
from elonara.housekeeping.answer_digest.choices import token_of
from elonara.housekeeping.answer_digest.news import Answer, EventNews
from elonara.members.models import Member
from elonara.members.text import email_name, email_subject, one_line

SAID: Final = {
    Rsvp.Choice.GOING: "{name} is going",
    Rsvp.Choice.MAYBE: "{name} may come",
    Rsvp.Choice.CANT: "{name} can’t come",
    Rsvp.Choice.WAITING: "{name} is waiting for a place",
    Rsvp.Choice.OFFERED: "{name} has been offered a place",
    Rsvp.Choice.ASKED: "{name} asks to come",
}
SUBJECT_LENGTH: Final = 180


def message(host: Member, address: str, news: list[EventNews]) -> EmailMultiAlternatives:
    """The e-mail to this host; `news` has at least one event."""
    stop = f"{_site()}/digest/{token_of(host)}"
    mail = EmailMultiAlternatives(
        subject(news),
        _text(host, news, stop),
        formataddr((one_line(settings.ELONARA.site.name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        [formataddr((email_name(host.name), address))],
        headers={
            # One-click unsubscribe in the mail program (RFC 8058).
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no "I am away" in return
        },
    )
    mail.attach_alternative(_html(host, news, stop), "text/html")
    return mail


def subject(news: list[EventNews]) -> str:
    """`[Bread Site] 3 new answers: Picnic`."""
    count = sum(each.count for each in news)
    to = email_name(news[0].event.title) if len(news) == 1 else f"{len(news)} events"
    return email_subject(f"{'1 new answer' if count == 1 else f'{count} new answers'}: {to}")[:SUBJECT_LENGTH]


def _text(host: Member, news: list[EventNews], stop: str) -> str:
    parts = [_greeting(host)]
    for each in news:
        lines = [_title(each), _when_and_how_many(each)]
        lines += [f"- {line}" for line in _lines(each)]
        parts.append("\n".join([*lines, _guests(each)]))
    parts.append("\n".join(["-- ", *_footer(), f"No more e-mails like this: {stop}"]))
    return "\n\n".join(parts) + "\n"


def _html(host: Member, news: list[EventNews], stop: str) -> SafeString:
    parts = [format_html('<p dir="auto">{}</p>', _greeting(host))]
    for each in news:
        lines = format_html_join("", '<li dir="auto">{}</li>', ((line,) for line in _lines(each)))
        parts += [
            format_html('<h2 dir="auto"><a href="{}">{}</a></h2>', _guests(each), _title(each)),
            format_html("<p>{}</p><ul>{}</ul>", _when_and_how_many(each), lines),
        ]
    parts.append(format_html_join("", "<p><small>{}</small></p>", ((line,) for line in _footer())))
    parts.append(format_html('<p><small><a href="{}">No more e-mails like this</a></small></p>', stop))
    body = mark_safe("".join(parts))  # noqa: S308 - each part is escaped above
    return format_html('<!doctype html>\n<html lang="en"><body>{}</body></html>\n', body)


def _greeting(host: Member) -> str:
    return f"Hello {email_name(host.name)}, these people answered lately."


def _title(each: EventNews) -> str:
    return email_name(each.event.title)


def _when_and_how_many(each: EventNews) -> str:
    going = "1 person is going" if each.going == 1 else f"{each.going} people are going"
    return f"{short_phrase_there(each.event)}. {going}" + (f", {each.maybe} may come." if each.maybe else ".")


def _lines(each: EventNews) -> list[str]:
    return [_line(answer) for answer in each.answers] + ([f"and {each.more} more"] if each.more else [])


def _line(answer: Answer) -> str:
    said = SAID[Rsvp.Choice(answer.choice)].format(name=email_name(answer.name))
    return f"{said}, and brings {answer.plus_ones}" if answer.plus_ones else said


def _guests(each: EventNews) -> str:
    return f"{_site()}/events/{each.event.slug}/manage?tab=guests"


def _footer() -> tuple[str, ...]:
    why = f"You get this from {one_line(settings.ELONARA.site.name)} ({_site()}) because you host these events."
    return why, "At most one a day. Replies to this e-mail are not read."


def _site() -> str:
    return str(settings.ELONARA.site.url.rstrip("/"))
