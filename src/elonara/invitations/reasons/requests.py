"""The reasons why a request is refused as a whole."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from elonara.invitations.reasons.table import Reason

ALL = (
    Reason("not_allowed", gettext_noop("Only those who run it may invite."), gettext_noop("Ask a host or an admin.")),
    Reason("nobody", gettext_noop("Nobody is chosen."), gettext_noop("Pick at least one person.")),
    Reason(
        "too_many",
        gettext_noop("Too many people for one send."),
        gettext_noop("Send to some of them now and to the others after."),
    ),
    Reason(
        "update_under_way",
        gettext_noop("An earlier update is being posted right now."),
        gettext_noop("Try again in a few minutes."),
        "wait",
    ),
    Reason(
        "wrong_state",
        gettext_noop("That is no longer possible."),
        gettext_noop("Reload the page to see the current state."),
    ),
    Reason(
        "wrong_person",
        gettext_noop("This invitation is for another account."),
        gettext_noop("Continue with the invited account."),
    ),
    Reason(
        "withdrawn", gettext_noop("This invitation was withdrawn."), gettext_noop("Ask the person who invited you.")
    ),
)
