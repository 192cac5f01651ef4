"""The text of an e-mail invitation. What the host checks is what is sent, apart from the link of each receiver."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.identity.people import INVALID_HANDLE
from elonara.communities.validation import many_lines, one_line
from elonara.events.models import Event
from elonara.events.times import short_phrase
from elonara.invitations.models import EmailInvitation
from elonara.invitations.planning import fingerprint
from elonara.members.models import Member
from elonara.members.text import email_name, email_subject


@dataclass(frozen=True)
class EmailPreview:
    """An e-mail as its host reads it before it is sent again, and the fingerprint of that (`planning.fingerprint`)."""

    subject: str
    body: str
    preview_id: str


def link(token: str) -> str:
    """The page where the invited person answers."""
    return f"{_site()}/rsvp/{token}"


def subject(host: Member, event: Event) -> str:
    """`[Bread Site] Alice invites you: Picnic`."""
    text = _("{host} invites you: {event}").format(host=email_name(host.name), event=email_name(event.title))
    return email_subject(text)[:180]


def body(host: Member, event: Event, note: str, token: str, name: str = "") -> str:
    """The whole e-mail as plain text."""
    where = f"\n{one_line(event.public_location)}" if event.public_location else ""
    zone = "" if event.all_day else f" ({event.timezone.replace('_', ' ')})"
    shown = f"{one_line(event.title)}\n{short_phrase(event)}{zone}{where}"
    parts = [
        _("Hello {name},").format(name=email_name(name)) if name else _("Hello,"),
        _("{host} invites you to\n\n{event}").format(host=_host(host), event=shown),
    ]
    if note:
        parts.append(many_lines(note))
    through = _("{host} wrote this through {site}, {url}.").format(
        host=email_name(host.name), site=settings.ELONARA.site.name, url=_site()
    )
    no_more = _("No more e-mails like this: {url}").format(url=f"{link(token)}/stop")
    parts += [
        f"{_('Can you come? Answer here, no account needed:')}\n{link(token)}",
        _("The link is yours alone: whoever has it answers in your name. It ends with the event."),
        f"--\n{through}\n{no_more}",
    ]
    return "\n\n".join(parts) + "\n"


def message(row: EmailInvitation, address: str, token: str) -> EmailMessage:
    """The e-mail of one row, ready for the mail server."""
    stop = f"{link(token)}/stop"
    through = _("{host} via {site}").format(host=email_name(row.host.name), site=settings.ELONARA.site.name)
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    headers = {
        # The same for every attempt, so that a mailbox that receives it twice shows it once.
        "Message-ID": f"<{row.pk}@{sender.partition('@')[2] or 'localhost'}>",
        # One-click unsubscribe in the mail program (RFC 8058).
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return EmailMessage(
        subject(row.host, row.event),
        body(row.host, row.event, row.note, token, row.name),
        formataddr((one_line(through), sender)),
        [formataddr((email_name(row.name), address)) if row.name else address],
        headers=headers,
    )


def preview_of(row: EmailInvitation) -> EmailPreview:
    """What sending this row again would send. The text is composed at delivery, so the row stores none."""
    head = subject(row.host, row.event)
    text = body(row.host, row.event, row.note, "…", row.name)  # the link is for the invited person alone
    digest = fingerprint.of_one("letter", str(row.pk), row.host_id, row.address_hash, row.name, head, text)
    return EmailPreview(head, text, digest)


def _host(host: Member) -> str:
    """The host's name, and the handle that she proved: anybody can take a name, nobody another's handle."""
    identity = identity_row(host.pk)
    handle = identity.bsky_handle if identity else ""
    known = handle and handle != INVALID_HANDLE
    name = email_name(host.name)
    return _("{name} (@{handle} on Bluesky)").format(name=name, handle=handle) if known else name


def _site() -> str:
    return str(settings.ELONARA.site.url.rstrip("/"))
