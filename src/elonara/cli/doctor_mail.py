"""Checks of `elonara doctor` of e-mail: whether all of it is paused, and whether the mail server takes this site."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

from django.core.mail import mailers
from django.db import DatabaseError

from elonara.cli import migrate
from elonara.cli.doctor_findings import Finding
from elonara.mail import pausing
from elonara.mail.delivery import SMTP
from elonara.mail.models import MailPause
from elonara.mail.replies import Concerns, judge
from elonara.mail.smtp import SmtpBackend
from elonara.options import Options


def check(options: Options) -> Iterator[Finding]:
    """Whether e-mail is set up and leaves, from the settings and the database."""
    if not options.email.url:
        fix = (
            "Members see notices on their pages; a forgotten password needs the operator. Set email.url and email.from."
        )
        yield Finding("note", "e-mail", "no SMTP server is set: no e-mail is sent", fix)
        return
    yield Finding("ok", "e-mail", f"e-mail is sent from {options.email.sender}")
    try:
        pause = pausing.current() if not migrate.pending() else None
    except DatabaseError:
        return  # the check of the database says so
    if pause is not None:
        says, fix = pausing.sentences(pause)
        since = (
            f"All e-mail is on hold since {pause.since:%Y-%m-%d %H:%M} UTC; tried again at {pause.next_try_at:%H:%M}."
        )
        yield Finding("wrong", "e-mail", f"{says} {since}", fix)


def check_server(options: Options) -> Iterator[Finding]:
    """Connect to the mail server, sign in and name the sender, as an e-mail would; none is sent."""
    if not options.email.url:
        return
    server = mailers[SMTP]
    if not isinstance(server, SmtpBackend):
        return
    where = f"the mail server {server.host} port {server.port}"
    try:
        server.open()
        _name_sender(server, options.email.sender)
    except (OSError, smtplib.SMTPException) as fault:
        found = judge(fault)
        if found.concerns is Concerns.SITE:
            says, fix = pausing.sentences(MailPause(reason=found.reason, reply=found.reply))
            yield Finding("wrong", "e-mail", f"{where}: {says}", fix)
            return
        fix = "Is it running, are host and port in email.url right, and does a firewall let this machine out to it?"
        yield Finding("wrong", "e-mail", f"{where} is not reached: {type(fault).__name__}", fix)
        return
    finally:
        server.close()
    yield Finding("ok", "e-mail", f"{where} accepts e-mail from this site")


def _name_sender(server: SmtpBackend, sender: str) -> None:
    connection = server.connection
    if connection is None:
        raise smtplib.SMTPServerDisconnected("no connection")
    address = server.prep_address(sender)
    code, said = connection.mail(address)
    if code >= 400:
        raise smtplib.SMTPSenderRefused(code, said, address)
    connection.rset()
