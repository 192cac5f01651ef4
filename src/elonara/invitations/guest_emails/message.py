"""The text of an e-mail to a guest, as plain text and as HTML, from what its row tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from elonara.communities.validation import many_lines, one_line
from elonara.events.messages.models import REMINDERS, GuestMessage, MessageKind
from elonara.events.models import Event, EventHost, Rsvp
from elonara.invitations.guest_emails import told
from elonara.invitations.guest_emails.reach import Recipient, verified_address
from elonara.members.text import email_name, email_subject

SUBJECTS = {
    MessageKind.CANCELLED: gettext_noop("Cancelled: {title}"),
    MessageKind.PLACE: gettext_noop("You have a place: {title}"),
    MessageKind.OFFERED: gettext_noop("A place is free for you: {title}"),
    MessageKind.ACCEPTED: gettext_noop("You can come: {title}"),
    MessageKind.DECLINED: gettext_noop("Declined: {title}"),
    MessageKind.ANSWER: gettext_noop("Your answer: {title}"),
    MessageKind.REMINDER_DAY: gettext_noop("Tomorrow: {title}"),
    MessageKind.REMINDER_HOUR: gettext_noop("In an hour: {title}"),
    MessageKind.HOST: gettext_noop("{by} writes: {title}"),
    MessageKind.CHANGED: gettext_noop("New details: {title}"),
}
CAUSES = {
    Rsvp.Choice.GOING: gettext_noop("You get this from {site} ({url}) because you said that you are going."),
    Rsvp.Choice.MAYBE: gettext_noop("You get this from {site} ({url}) because you said that you may come."),
    Rsvp.Choice.WAITING: gettext_noop("You get this from {site} ({url}) because you are waiting for a place."),
    Rsvp.Choice.OFFERED: gettext_noop("You get this from {site} ({url}) because you are waiting for a place."),
    Rsvp.Choice.ASKED: gettext_noop("You get this from {site} ({url}) because you asked to come."),
}
NO_CAUSE = gettext_noop("You get this from {site} ({url}).")


@dataclass(frozen=True)
class Content:
    """What an e-mail says. `facts` are labelled lines, `links` addresses by what they lead to."""

    greeting: str
    sentence: str
    facts: dict[str, str] = field(default_factory=dict)
    word: str = ""  # of a host, in her own lines
    by: str = ""  # whose
    links: dict[str, str] = field(default_factory=dict)
    footer: tuple[str, ...] = ()
    stop: str = ""


def message_id(row: GuestMessage) -> str:
    """The Message-ID of a row (RFC 5322, section 3.6.4), the same as often as it is made."""
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return f"<{row.pk}@{sender.partition('@')[2] or 'localhost'}>"


def message(row: GuestMessage, to: Recipient, address: str, token: str, rsvp: Rsvp | None) -> EmailMultiAlternatives:
    """The e-mail of one row, ready for the mail server."""
    content = content_of(row, to, token, rsvp)
    headers = {
        "Message-ID": row.message_id,
        # One-click unsubscribe in the mail program (RFC 8058).
        "List-Unsubscribe": f"<{content.stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    if row.kind != MessageKind.HOST:
        headers["Auto-Submitted"] = "auto-generated"  # RFC 3834: no "I am away" in return
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    name = settings.ELONARA.site.name
    if row.host_message is not None:
        name = _("{host} via {site}").format(host=email_name(row.host_message.by.name), site=name)
    reply_to = _replies_to(row.event)
    mail = EmailMultiAlternatives(
        subject(row),
        text_of(content),
        formataddr((one_line(name), sender)),
        [formataddr((email_name(to.name), address)) if to.name else address],
        headers=headers,
        reply_to=[reply_to] if reply_to else None,
    )
    mail.attach_alternative(html_of(content), "text/html")
    return mail


def subject(row: GuestMessage) -> str:
    """`[Bread Site] New time: Picnic`."""
    title, by = email_name(row.event.title), ""
    if row.host_message is not None:
        by = email_name(row.host_message.by.name)
    if row.kind == MessageKind.CHANGED and (news := told.new_in(row)):
        text = _("New {news}: {title}").format(news=told.in_words(news), title=title)
    else:
        text = _(SUBJECTS[MessageKind(row.kind)]).format(title=title, by=by)
    return email_subject(text)[:180]


def content_of(row: GuestMessage, to: Recipient, token: str, rsvp: Rsvp | None) -> Content:
    """What the e-mail of a row says to this person."""
    event, words = row.event, row.host_message
    own = f"{_site()}/rsvp/{token}"
    return Content(
        greeting=_("Hello {name},").format(name=email_name(to.name)) if to.name else _("Hello,"),
        sentence=one_line(told.sentence(row)),
        facts={label: one_line(value) for label, value in told.details_of(row, to.zone).items()},
        word=many_lines(words.text if words is not None else row.word),
        by=email_name(words.by.name) if words is not None else "",
        links=_links(row, to, own),
        footer=_footer(event, rsvp),
        stop=f"{own}/mail",
    )


def text_of(content: Content) -> str:
    """As plain text."""
    parts = [content.greeting, content.sentence]
    if content.facts:
        parts.append("\n".join(f"{label}: {value}" for label, value in content.facts.items()))
    if content.word:
        parts.append("\n".join(f"> {line}".rstrip() for line in content.word.split("\n")))
    parts += [f"{label}:\n{address}" for label, address in content.links.items()]
    no_more = _("No more e-mails like this: {url}").format(url=content.stop)
    parts.append("\n".join(["-- ", *content.footer, no_more]))
    return "\n\n".join(parts) + "\n"


def html_of(content: Content) -> str:
    """As HTML, without pictures, styles or anything that is fetched."""
    parts = [
        format_html("<p>{}</p>", content.greeting),
        format_html('<p dir="auto"><strong>{}</strong></p>', content.sentence),
    ]
    if content.facts:
        rows = [(label, value) for label, value in content.facts.items()]
        parts.append(
            format_html(
                "<table>{}</table>",
                format_html_join("", '<tr><th align="left" scope="row">{}</th><td dir="auto">{}</td></tr>', rows),
            )
        )
    if content.word:
        parts.append(format_html('<blockquote dir="auto">{}</blockquote>', _lines(content.word)))
    parts += [format_html('<p><a href="{}">{}</a></p>', address, label) for label, address in content.links.items()]
    parts.append(mark_safe("<hr>"))
    parts += [format_html("<p><small>{}</small></p>", line) for line in content.footer]
    no_more = _("No more e-mails like this")
    parts.append(format_html('<p><small><a href="{}">{}</a></small></p>', content.stop, no_more))
    body = mark_safe("".join(parts))  # noqa: S308 - each part is escaped above
    return format_html('<!doctype html>\n<html lang="{}"><body>{}</body></html>\n', get_language(), body)


def _lines(text: str) -> SafeString:
    return mark_safe("<br>".join(conditional_escape(line) for line in text.split("\n")))  # noqa: S308 - escaped


def _links(row: GuestMessage, to: Recipient, own: str) -> dict[str, str]:
    if row.kind == told.TITLE_ALONE:
        return {}
    page = f"{_site()}/events/{row.event.slug}"
    by_email = to.member is None  # the link of a letter is her key: a private event has no other page for her
    found = {_("Change your answer"): own} if by_email else {_("See the event"): page}
    if row.kind in REMINDERS or row.kind == MessageKind.HOST:
        return found
    calendar = f"{own}?calendar=1" if by_email else f"{page}.ics"
    label = _("Update your calendar")
    return {label: calendar} if row.kind == MessageKind.CANCELLED and by_email else found | {label: calendar}


def _footer(event: Event, rsvp: Rsvp | None) -> tuple[str, ...]:
    why = CAUSES.get(Rsvp.Choice(rsvp.choice), NO_CAUSE) if rsvp is not None else NO_CAUSE
    why = _(why).format(site=one_line(settings.ELONARA.site.name), url=_site())
    if _replies_to(event):
        return why, _("Replies to this e-mail go to the host.")
    return why, _("Replies to this e-mail are not read.")


def _replies_to(event: Event) -> str:
    """The verified address of the host, where she lets guests reply to her; "" otherwise."""
    if not event.replies_to_host:
        return ""
    host = EventHost.objects.filter(event=event, role=EventHost.Role.HOST).select_related("member").first()
    return verified_address(host.member) if host is not None else ""


def _site() -> str:
    return str(settings.ELONARA.site.url.rstrip("/"))
