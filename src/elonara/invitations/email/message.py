"""The text of an e-mail invitation. What the host checks is what is sent, apart from the link of each receiver."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

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
    return email_subject(f"{email_name(host.name)} invites you: {email_name(event.title)}")[:180]


def body(host: Member, event: Event, note: str, token: str, name: str = "") -> str:
    """The whole e-mail as plain text."""
    where = f"\n{one_line(event.public_location)}" if event.public_location else ""
    zone = "" if event.all_day else f" ({event.timezone.replace('_', ' ')})"
    parts = [
        f"Hello {email_name(name)}," if name else "Hello,",
        f"{_host(host)} invites you to",
        f"{one_line(event.title)}\n{short_phrase(event)}{zone}{where}",
    ]
    if note:
        parts.append(many_lines(note))
    parts += [
        f"Can you come? Answer here, no account needed:\n{link(token)}",
        "The link is yours alone: whoever has it answers in your name. It ends with the event.",
        f"--\n{email_name(host.name)} wrote this through {settings.ELONARA.site.name}, {_site()}.\n"
        f"No more e-mails like this: {link(token)}/stop",
    ]
    return "\n\n".join(parts) + "\n"


def message(row: EmailInvitation, address: str, token: str) -> EmailMessage:
    """The e-mail of one row, ready for the mail server."""
    stop = f"{link(token)}/stop"
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
        formataddr((one_line(f"{email_name(row.host.name)} via {settings.ELONARA.site.name}"), sender)),
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
    return f"{email_name(host.name)} (@{handle} on Bluesky)" if known else email_name(host.name)


def _site() -> str:
    return str(settings.ELONARA.site.url.rstrip("/"))
