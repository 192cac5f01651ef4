"""What a reply of the mail server concerns: the whole site, one address, or only the moment.

RFC 5321 says how a reply looks, RFC 3463 what its enhanced code means. Servers use both loosely, so their words are
read where the codes leave it open. In doubt the e-mail is tried again: one attempt too many does no harm, and an
e-mail that was dropped is gone.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from elonara.mail.models import MailPause


class MailServerRefused(smtplib.SMTPException):
    """The server refused before it was told of any e-mail. `reason` is one of MailPause.Reason."""

    def __init__(self, reason: MailPause.Reason, reply: str) -> None:
        super().__init__(f"{reason} {reply}".strip())
        self.reason, self.reply = reason, reply


class Concerns(Enum):
    """What a failed attempt is about."""

    SITE = auto()  # everything that the site sends
    POLICY = auto()  # this recipient's server does not want this e-mail; several of them: the site is on a block list
    NO_SUCH_USER = auto()  # this address, for good
    MOMENT = auto()  # this address, for now: greylisting, a full mailbox, or what nobody can tell
    UNREACHABLE = auto()  # no server was spoken to, or the conversation broke off


@dataclass(frozen=True)
class Judgement:
    """`reason` and `reply` are for a pause: what was refused, and the codes of the reply."""

    concerns: Concerns
    reason: MailPause.Reason = MailPause.Reason.BLOCKED
    reply: str = ""


ORDER: Final = (Concerns.SITE, Concerns.POLICY, Concerns.MOMENT, Concerns.NO_SUCH_USER)
# X.1.1 no such mailbox, X.1.2 no such domain, X.1.3 no address at all, X.1.6 moved away, X.1.10 takes none (RFC 7505).
NO_SUCH_USER: Final = {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10)}
# X.4.5 is what Google and others answer at the end of a daily limit; the others are Microsoft's.
QUOTA: Final = {(4, 5), (1, 90), (7, 232), (7, 233)}
SENDER: Final = {(1, 7), (1, 8)}
NOT_SIGNED_IN: Final = {530, 535, 538}
TOO_LARGE: Final = (3, 4)
MAILBOX, POLICY = 2, 7  # the second digits "status of the mailbox" and "security or policy"
VAGUE: Final = {None, (0, 0), (1, 0)}  # codes that leave it to the words

_ENHANCED: Final = re.compile(r"[\s#<(]*[245]\.(\d{1,3})\.(\d{1,3})(?![.\d])")
_UNKNOWN_WORDS: Final = re.compile(
    r"(no such|unknown|invalid|non-?existent) (user|recipient|mailbox|account|local)|(user|recipient|mailbox|account)"
    r"[^.]{0,40}(unknown|not found|not exist|n't exist|no longer exist|is invalid)|no mailbox (here )?by that name",
    re.IGNORECASE,
)
_POLICY_WORDS: Final = re.compile(
    r"block|black|deny ?list|dnsbl|\brbl\b|spam|unsolicited|reputation|policy|banned|\b(spf|dkim|dmarc)\b",
    re.IGNORECASE,
)
_QUOTA_WORDS: Final = re.compile(
    r"(dai?ly|hour|sending|outgoing|outbound|submission|rate|relay|account|messages?|e-?mails?)\b.{0,40}(limit|quota)"
    r"|(limit|quota)\b.{0,40}(per|a|of the|this) (day|hour)|unusual sending|too many (messages|e-?mails)",
    re.IGNORECASE,
)
_MAILBOX_WORDS: Final = re.compile(r"\bsize|too large|mailbox|recipient|user's|over ?quota", re.IGNORECASE)
_GREYLIST_WORDS: Final = re.compile(r"gr[ae]y.?list", re.IGNORECASE)


def judge(fault: Exception) -> Judgement:
    """What a failed attempt concerns. `fault` is what `smtplib` or the connection raised."""
    if isinstance(fault, MailServerRefused):
        return Judgement(Concerns.SITE, fault.reason, fault.reply)
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        # Raised only where every recipient was refused. An e-mail is given up only where none of them exists.
        found = [_judge_reply(code, _text(said)) for code, said in fault.recipients.values()]
        return min(found, key=lambda one: ORDER.index(one.concerns), default=Judgement(Concerns.MOMENT))
    if isinstance(fault, smtplib.SMTPResponseException):
        return _judge_response(fault, fault.smtp_code, _text(fault.smtp_error))
    is_certificate = isinstance(fault, ssl.SSLCertVerificationError)
    return Judgement(Concerns.SITE, MailPause.Reason.TLS) if is_certificate else Judgement(Concerns.UNREACHABLE)


def _judge_response(fault: smtplib.SMTPResponseException, code: int, text: str) -> Judgement:
    match fault:
        case smtplib.SMTPAuthenticationError():
            return _site(MailPause.Reason.AUTH, code, text)
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return _site(MailPause.Reason.CONNECT, code, text)
        case smtplib.SMTPSenderRefused():
            return _judge_sender(code, text)
        case _:
            return _judge_reply(code, text)


def codes(code: int, text: str) -> str:
    """The codes of a reply, as operators look for them: "550 5.4.5"."""
    enhanced = _ENHANCED.match(text)
    return f"{code} {enhanced[0].lstrip(' #<(')}" if enhanced else str(code)


def _judge_sender(code: int, text: str) -> Judgement:
    if _enhanced(text) == TOO_LARGE:
        return Judgement(Concerns.MOMENT, reply=codes(code, text))
    found = _judge_reply(code, text)
    return found if found.concerns is Concerns.SITE else _site(MailPause.Reason.SENDER, code, text)


def _judge_reply(code: int, text: str) -> Judgement:
    if reason := _site_wide(code, text):
        return _site(reason, code, text)
    enhanced, permanent = _enhanced(text), code >= 500
    policy_words = bool(_POLICY_WORDS.search(text)) and not _GREYLIST_WORDS.search(text)
    unknown_words = bool(_UNKNOWN_WORDS.search(text)) and not policy_words
    is_policy = enhanced is not None and enhanced[0] == POLICY
    concerns = Concerns.MOMENT
    if permanent and (enhanced in NO_SUCH_USER or (enhanced in VAGUE and unknown_words)):
        concerns = Concerns.NO_SUCH_USER
    elif (permanent and is_policy) or (policy_words and (is_policy or enhanced in VAGUE)):
        concerns = Concerns.POLICY
    return Judgement(concerns, reply=codes(code, text))


def _site_wide(code: int, text: str) -> MailPause.Reason | None:
    """What the reply refuses to the whole site, None where it is about one address."""
    enhanced = _enhanced(text)
    if code in NOT_SIGNED_IN:
        return MailPause.Reason.AUTH
    if enhanced in QUOTA or (_may_be_quota(enhanced, text) and _QUOTA_WORDS.search(text)):
        return MailPause.Reason.QUOTA
    return MailPause.Reason.SENDER if enhanced in SENDER else None


def _may_be_quota(enhanced: tuple[int, int] | None, text: str) -> bool:
    # A full mailbox has a quota too, and a message a size: both concern one address.
    about_mailbox = enhanced is not None and enhanced[0] == MAILBOX
    return not about_mailbox and enhanced != TOO_LARGE and not _MAILBOX_WORDS.search(text)


def _site(reason: MailPause.Reason, code: int, text: str) -> Judgement:
    return Judgement(Concerns.SITE, reason, codes(code, text))


def _enhanced(text: str) -> tuple[int, int] | None:
    found = _ENHANCED.match(text)
    return (int(found[1]), int(found[2])) if found else None


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
