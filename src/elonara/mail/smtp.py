"""The connection to the mail server: Django's, with every refusal before the first e-mail named for what it is."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import override

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext_noop

from elonara.mail.models import MailPause
from elonara.mail.replies import MailServerRefused, judge


class Unanswered(smtplib.SMTPServerDisconnected):
    """The conversation about an e-mail broke off: the server may have taken it. The cause says how."""


class SmtpBackend(EmailBackend):
    """Sends over SMTP. The server's certificate is verified wherever TLS is used (`ssl.create_default_context`)."""

    @override
    def open(self) -> bool | None:
        """Connect, greet, start TLS, sign in. Raises MailServerRefused, or OSError where nobody answers."""
        try:
            is_new = super().open()
            if self.connection is not None:
                self.connection.ehlo_or_helo_if_needed()
        except Exception as fault:
            self._hang_up()
            if isinstance(fault, ssl.SSLError):
                raise MailServerRefused(MailPause.Reason.TLS, "") from fault
            if isinstance(fault, smtplib.SMTPServerDisconnected):
                raise MailServerRefused(MailPause.Reason.CONNECT, gettext_noop("closed")) from fault
            if isinstance(fault, smtplib.SMTPNotSupportedError):
                reason = MailPause.Reason.TLS if "STARTTLS" in str(fault) else MailPause.Reason.AUTH
                raise MailServerRefused(reason, gettext_noop("not offered")) from fault
            if isinstance(fault, smtplib.SMTPResponseException):
                raise _refused(fault) from fault
            raise
        return is_new

    @override
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Connect and hand them over. Raises what `open` does, a refusal, or Unanswered where no reply says which."""
        is_new = self.open()
        try:
            return super().send_messages(email_messages)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
            raise
        except OSError as fault:  # smtplib's other errors included
            raise Unanswered(type(fault).__name__) from fault
        finally:
            if is_new:
                self.close()

    @override
    def close(self) -> None:
        """Say good-bye. What the server answers changes nothing: it has taken the e-mail, which must not go twice."""
        try:
            super().close()
        except (OSError, smtplib.SMTPException):
            self._hang_up()

    def _hang_up(self) -> None:
        """Close the sockets without a word."""
        for name in ("_partial_connection", "connection"):
            connection: smtplib.SMTP | None = getattr(self, name)
            setattr(self, name, None)
            if connection is not None:
                with suppress(OSError):
                    connection.close()


def _refused(fault: smtplib.SMTPResponseException) -> MailServerRefused:
    if isinstance(fault, (smtplib.SMTPConnectError, smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError)):
        found = judge(fault)
        return MailServerRefused(found.reason, found.reply)
    return MailServerRefused(MailPause.Reason.TLS, str(fault.smtp_code))  # smtplib: the answer to STARTTLS
