"""What replies of mail servers concern. Most are replies that real servers give."""

import smtplib

import pytest

from elonara.mail.models import MailPause
from elonara.mail.replies import Concerns, codes, judge

TO = "ana@example.org"
QUOTA = [
    (550, "5.4.5 Daily user sending limit exceeded. For more information on Gmail"),
    (550, "5.4.5 Daily SMTP relay limit exceeded for customer."),
    (452, "4.4.5 Too much mail today"),
    (454, "Throttling failure: Daily message quota exceeded."),
    (554, "Throttling failure - Maximum sending rate exceeded, rate limit"),
    (550, "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients."),
    (550, "5.4.6 Unusual sending activity detected. Please try after sometime."),
    (451, "4.7.1 hourly sending quota reached, try later"),
    (550, "Message rejected: you have reached your limit of 100 per day"),
]
GONE = [
    (550, "5.1.1 The email account that you tried to reach does not exist."),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    (556, "5.1.10 Recipient address has null MX"),
    (550, "#5.1.1 Adresse rejetée"),
    (550, "5.1.2 Domäne unbekannt"),
    (550, "no such user"),
    (550, "No such user here"),
    (550, "User unknown"),
    (550, "<ana@example.org>: Recipient address rejected: User unknown in virtual mailbox table"),
    (554, "delivery error: dd This user doesn't have an account; mailbox does not exist"),
    (550, "5.0.0 unknown user"),
]
POLICY = [
    (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    (550, "5.7.1 [192.0.2.1] Messages rejected, your network is on our block list (S3150)."),
    (550, "5.7.26 This mail has been blocked because the sender is unauthenticated."),
    (554, "Message refused by DNSBL"),
    (550, "SPF check failed"),
    (421, "4.7.28 Our system has detected an unusual rate of unsolicited mail"),
    (550, "User unknown or blocked by policy"),
]
MOMENT = [
    (450, "4.7.1 greylisted"),
    (451, "4.7.1 Greylisting policy in action, please come back later"),
    (451, "4.7.0 try again later"),
    (452, "4.2.2 The email account that you tried to reach is over quota."),
    (552, "5.2.2 mailbox quota exceeded, account limit"),
    (552, "mailbox full, quota exceeded"),
    (552, "5.3.4 message size exceeds the daily limit"),
    (550, "5.2.1 The account is disabled"),
    (550, "Requested action not taken: mailbox unavailable"),
    (554, "Transaction failed"),
    (550, "5.1.0 Address rejected"),
    (450, "4.2.1 The user is receiving mail at a rate that"),
    (450, "no such user"),
    (451, "4.1.1 user unknown, directory is away"),
]


@pytest.mark.parametrize(
    ("concerns", "code", "text"),
    [
        *((Concerns.SITE, *one) for one in QUOTA),
        *((Concerns.NO_SUCH_USER, *one) for one in GONE),
        *((Concerns.POLICY, *one) for one in POLICY),
        *((Concerns.MOMENT, *one) for one in MOMENT),
    ],
)
def test_a_reply_concerns_the_site_an_address_or_the_moment(concerns, code, text):
    assert judge(smtplib.SMTPRecipientsRefused({TO: (code, text.encode())})).concerns is concerns
    assert judge(smtplib.SMTPDataError(code, text.encode())).concerns is concerns


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 bad"), "auth"),
        (smtplib.SMTPConnectError(554, b"no"), "connect"),
        (smtplib.SMTPHeloError(550, b"who?"), "connect"),
        (smtplib.SMTPSenderRefused(553, b"5.7.1 not yours", "us@x"), "sender"),
        (smtplib.SMTPSenderRefused(451, b"4.3.0 later", "us@x"), "sender"),
        (smtplib.SMTPSenderRefused(550, b"5.4.5 Daily limit", "us@x"), "quota"),
        (smtplib.SMTPSenderRefused(530, b"5.7.0 authentication required", "us@x"), "auth"),
        (smtplib.SMTPRecipientsRefused({TO: (530, b"5.7.57 not authenticated")}), "auth"),
        (smtplib.SMTPDataError(550, b"5.1.8 Access denied, bad outbound sender"), "sender"),
    ],
)
def test_what_is_refused_before_or_beside_the_recipient_concerns_the_site(fault, reason):
    assert (judge(fault).concerns, judge(fault).reason) == (Concerns.SITE, MailPause.Reason(reason))


def test_a_message_that_is_too_large_at_mail_from_concerns_itself_alone():
    assert judge(smtplib.SMTPSenderRefused(552, b"5.3.4 too large", "us@x")).concerns is Concerns.MOMENT


def test_of_several_recipients_one_who_may_exist_keeps_the_email():
    both = {"a@x": (550, b"5.1.1 no"), "b@x": (450, b"4.2.0 later")}
    assert judge(smtplib.SMTPRecipientsRefused(both)).concerns is Concerns.MOMENT


@pytest.mark.parametrize("fault", [ConnectionRefusedError(), TimeoutError(), smtplib.SMTPServerDisconnected("gone")])
def test_nobody_answered(fault):
    assert judge(fault).concerns is Concerns.UNREACHABLE


def test_of_a_reply_the_codes_alone_are_kept():
    assert codes(550, "5.4.5 Daily limit of ana@example.org") == "550 5.4.5"
    assert codes(550, "5.9.1.2 is blocked, ana@example.org") == "550"
    assert codes(550, "#5.1.0 no") == "550 5.1.0"
