"""One attempt to hand one e-mail to the mail server, and what its queue has to do next."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.mail import EmailMessage, mailers

from elonara.mail import pausing
from elonara.mail.models import MailPause
from elonara.mail.replies import Concerns, judge
from elonara.mail.smtp import Unanswered

SMTP: Final = "smtp"  # the name in MAILERS of the backend that talks to the mail server
# Refusals before a recipient is named: whoever gets an answer about a recipient is past them.
BEFORE_RECIPIENTS: Final = {
    MailPause.Reason.CONNECT,
    MailPause.Reason.TLS,
    MailPause.Reason.AUTH,
    MailPause.Reason.SENDER,
}


@dataclass(frozen=True)
class Taken:
    """The server has it."""


@dataclass(frozen=True)
class NoSuchUser:
    """Nobody has this address; another attempt is of no use. `fault` is a type: replies may hold the address."""

    fault: str


@dataclass(frozen=True)
class TryAgain:
    """This e-mail was not taken this time. Counts as an attempt.

    `unanswered`: the conversation broke off in the middle, so the server may have taken it all the same.
    """

    fault: str
    unanswered: bool = False


@dataclass(frozen=True)
class Held:
    """All e-mail is paused; ask again at `until`. Does not count as an attempt. `unanswered` as in `TryAgain`."""

    until: datetime
    unanswered: bool = False


type MailOutcome = Taken | NoSuchUser | TryAgain | Held


def deliver(message: EmailMessage) -> MailOutcome:
    """Try once, unless all e-mail is paused. Never inside a transaction: it waits for the server."""
    if until := pausing.take_turn(message.recipients()):
        return Held(until)
    try:
        mailers[SMTP].send_messages([message])
    except (OSError, smtplib.SMTPException, ValueError) as fault:  # ValueError: no address, for Django or for smtplib
        return _refused(message, fault)
    pausing.note_taken(message.recipients())
    return Taken()


def _refused(message: EmailMessage, fault: Exception) -> MailOutcome:
    unanswered = isinstance(fault, Unanswered)
    found, ongoing = judge(fault), pausing.current()
    kind = type(fault.__cause__ if unanswered else fault).__name__
    if found.concerns is Concerns.SITE:
        if found.reason in pausing.ABOUT_RECIPIENTS and not isinstance(fault, smtplib.SMTPSenderRefused):
            pausing.note_refusals(message.recipients())
        return Held(pausing.pause(found.reason, found.reply))
    if found.concerns is Concerns.UNREACHABLE and ongoing is not None and not isinstance(fault, ValueError):
        return Held(pausing.pause(MailPause.Reason(ongoing.reason), ongoing.reply), unanswered)
    if ongoing is not None and ongoing.reason in BEFORE_RECIPIENTS:
        pausing.resume()
        ongoing = None
    if found.concerns is Concerns.POLICY:
        many = pausing.note_refusals(message.recipients())
        if many or (ongoing is not None and ongoing.reason == MailPause.Reason.BLOCKED):
            return Held(pausing.pause(MailPause.Reason.BLOCKED, found.reply))
    return NoSuchUser(kind) if found.concerns is Concerns.NO_SUCH_USER else TryAgain(kind, unanswered)
