"""The reasons about invitations by e-mail and messages to guests."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from elonara.invitations.reasons.table import Reason

ALL = (
    # E-mail invitations.
    Reason(
        "no_email",
        gettext_noop("This site sends no e-mail."),
        gettext_noop("Copy the link and send it yourself."),
        "copy_link",
    ),
    Reason(
        "email_unproven",
        gettext_noop("Before you write to strangers, this site needs to know that you are you."),
        gettext_noop(
            "Connect Bluesky in your settings, or add an e-mail address there and open the link in the message you get."
        ),
        "connect",
    ),
    Reason(
        "site_email_cap",
        gettext_noop("This site has reached its limit of e-mail invitations for today."),
        gettext_noop("It will go out automatically."),
        "wait",
    ),
    Reason(
        "bad_address", gettext_noop("This is not an e-mail address."), gettext_noop("Enter it like ana@example.org.")
    ),
    Reason(
        "no_addresses",
        gettext_noop("No address is entered."),
        gettext_noop("Enter at least one, such as ana@example.org."),
    ),
    Reason(
        "mail_trying",
        gettext_noop("The mail server did not accept it at the last try."),
        gettext_noop("We will try again automatically."),
        "wait",
    ),
    Reason(
        "address_lost",
        gettext_noop("This site can no longer read the address."),
        gettext_noop("Enter it again, or copy the link."),
        "copy_link",
    ),
    Reason(
        "mail_paused",
        gettext_noop("The mail server accepts no e-mail from this site at the moment; its operator has been told."),
        gettext_noop("It goes out automatically as soon as the server accepts e-mail again."),
        "wait",
    ),
    Reason(
        "mail_gave_up",
        gettext_noop("No mail server accepted it for a day."),
        gettext_noop("Send it again later."),
        "retry",
    ),
    Reason(
        "address_refused",
        gettext_noop("The mail server says that it cannot deliver to this address."),
        gettext_noop("Check the spelling and enter it again, or copy the link."),
        "copy_link",
    ),
    # Messages to guests.
    Reason(
        "no_address",
        gettext_noop("This person has no e-mail address here, or has not confirmed it."),
        gettext_noop("They see it on the event's page."),
    ),
    Reason(
        "stopped",
        gettext_noop("This person wants no e-mails about it."),
        gettext_noop("They see it on the event's page."),
    ),
    Reason("undone", gettext_noop("It was changed back before anybody was told.")),
    Reason("replaced", gettext_noop("A newer message replaces it.")),
    Reason("expired", gettext_noop("It would have come too late.")),
    Reason("not_a_guest", gettext_noop("This person has said no, or has withdrawn the answer.")),
    Reason(
        "message_cap",
        gettext_noop("The hosts of this event have sent as many messages as they may in one day."),
        gettext_noop("Write again tomorrow."),
    ),
    Reason("nobody_to_write_to", gettext_noop("Nobody has given that answer."), gettext_noop("Choose other guests.")),
    Reason("unknown_audience", gettext_noop("Choose going, maybe, waiting or everybody.")),
    Reason("no_text", gettext_noop("The message is empty."), gettext_noop("Write something.")),
    Reason("unknown_choice", gettext_noop("Choose Going, Maybe or Can't."), ""),
)
