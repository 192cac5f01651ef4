"""The digest as an e-mail, as plain text and as HTML."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_noop, ngettext
from django.utils.translation import gettext as _

from elonara.events.models import Rsvp
from elonara.events.times import short_phrase_there
from elonara.housekeeping.answer_digest.choices import token_of
from elonara.housekeeping.answer_digest.news import Answer, EventNews
from elonara.members.models import Member
from elonara.members.text import email_name, email_subject, one_line

SAID: Final = {
    Rsvp.Choice.GOING: gettext_noop("{name} is going"),
    Rsvp.Choice.MAYBE: gettext_noop("{name} may come"),
    Rsvp.Choice.CANT: gettext_noop("{name} can’t come"),
    Rsvp.Choice.WAITING: gettext_noop("{name} is waiting for a place"),
    Rsvp.Choice.OFFERED: gettext_noop("{name} has been offered a place"),
    Rsvp.Choice.ASKED: gettext_noop("{name} asks to come"),
}
SAID_WITH_GUESTS: Final = {
    Rsvp.Choice.GOING: gettext_noop("{name} is going, and brings {count}"),
    Rsvp.Choice.MAYBE: gettext_noop("{name} may come, and brings {count}"),
    Rsvp.Choice.CANT: gettext_noop("{name} can’t come, and brings {count}"),
    Rsvp.Choice.WAITING: gettext_noop("{name} is waiting for a place, and brings {count}"),
    Rsvp.Choice.OFFERED: gettext_noop("{name} has been offered a place, and brings {count}"),
    Rsvp.Choice.ASKED: gettext_noop("{name} asks to come, and brings {count}"),
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
    answers = ngettext("{count} new answer", "{count} new answers", count).format(count=count)
    if len(news) == 1:
        to = email_name(news[0].event.title)
    else:
        to = ngettext("{count} event", "{count} events", len(news)).format(count=len(news))
    return email_subject(_("{answers}: {to}").format(answers=answers, to=to))[:SUBJECT_LENGTH]


def _text(host: Member, news: list[EventNews], stop: str) -> str:
    parts = [_greeting(host)]
    for each in news:
        lines = [_title(each), _when_and_how_many(each)]
        lines += [f"- {line}" for line in _lines(each)]
        parts.append("\n".join([*lines, _guests(each)]))
    parts.append("\n".join(["-- ", *_footer(), _("No more e-mails like this: {link}").format(link=stop)]))
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
    parts.append(format_html('<p><small><a href="{}">{}</a></small></p>', stop, _("No more e-mails like this")))
    body = mark_safe("".join(parts))  # noqa: S308 - each part is escaped above
    return format_html('<!doctype html>\n<html lang="{}"><body>{}</body></html>\n', get_language(), body)


def _greeting(host: Member) -> str:
    return _("Hello {name}, these people answered lately.").format(name=email_name(host.name))


def _title(each: EventNews) -> str:
    return email_name(each.event.title)


def _when_and_how_many(each: EventNews) -> str:
    if each.maybe:
        text = ngettext(
            "{when}. {going} person is going, {maybe} may come.",
            "{when}. {going} people are going, {maybe} may come.",
            each.going,
        )
    else:
        text = ngettext("{when}. {going} person is going.", "{when}. {going} people are going.", each.going)
    return text.format(when=short_phrase_there(each.event), going=each.going, maybe=each.maybe)


def _lines(each: EventNews) -> list[str]:
    more = ngettext("and {count} more", "and {count} more", each.more).format(count=each.more)
    return [_line(answer) for answer in each.answers] + ([more] if each.more else [])


def _line(answer: Answer) -> str:
    said = (SAID_WITH_GUESTS if answer.plus_ones else SAID)[Rsvp.Choice(answer.choice)]
    return _(said).format(name=email_name(answer.name), count=answer.plus_ones)


def _guests(each: EventNews) -> str:
    return f"{_site()}/events/{each.event.slug}/manage?tab=guests"


def _footer() -> tuple[str, ...]:
    why = _("You get this from {site} ({url}) because you host these events.")
    why = why.format(site=one_line(settings.ELONARA.site.name), url=_site())
    return why, _("At most one a day. Replies to this e-mail are not read.")


def _site() -> str:
    return str(settings.ELONARA.site.url.rstrip("/"))
