"""Why an authorization request failed: a reason code, and a sentence for the page that says what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from elonara.atproto.errors import (
    AccessDenied,
    AddressRefused,
    AtprotoError,
    BadState,
    ClientRefused,
    IdentityError,
    InvalidGrant,
    MissingScope,
    NetworkError,
    OAuthError,
    WrongAccount,
    WrongIssuer,
)
from elonara.atproto.oauth.client_auth import KeyGone
from elonara.bluesky.oauth import client_refusals
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.outward import NotNow

BY_IDENTITY: Mapping[str, tuple[str, str]] = {
    "bad_handle": (
        "unknown_account",
        gettext_noop("{who} is not a Bluesky handle. A handle looks like alice.bsky.social; enter it in full."),
    ),
    "handle_not_found": (
        "unknown_account",
        gettext_noop("No Bluesky account has the handle {who}. Check the spelling, and enter the handle in full."),
    ),
    "handle_mismatch": (
        "not_pointing_back",
        gettext_noop(
            "{who} points to an account that does not confirm this handle, so it cannot be trusted. "
            "Fix the handle in the Bluesky app, or use your other handle or your DID."
        ),
    ),
    "did_not_found": ("unknown_account", gettext_noop("The account {who} does not exist, or no longer exists.")),
    "did_malformed": ("unknown_account", gettext_noop("The public record of the account {who} cannot be read.")),
    "no_pds": ("unknown_account", gettext_noop("The public record of the account {who} names no server.")),
    "unreachable": ("unreachable", gettext_noop("{who} could not be looked up just now. Try again in a few minutes.")),
}
UNREACHABLE = gettext_noop("The server of {who} does not answer. Try again in a few minutes.")
REFUSED_ADDRESS = gettext_noop("The server of {who} is at an address that this site does not contact.")
DENIED = gettext_noop(
    "You cancelled on your server's page, so nothing was connected. You can start again whenever you like."
)
ISSUER = gettext_noop(
    "The answer came from a different server than the one you were sent to, so it was not trusted. Start again."
)
ACCOUNT = gettext_noop(
    "You chose a different account than {who} on your server's page. Start again and choose that one."
)
SCOPE = gettext_noop("Your server did not allow this site to know who you are. Start again and allow it.")
USED_UP = gettext_noop("Your server no longer accepted the answer: it was already used, or took too long. Start again.")
EXPIRED = gettext_noop("That sign-in has expired or was already used. Start again.")
BUSY = gettext_noop("The server of {who} is busy. Try again in a few minutes.")
SERVER = gettext_noop(
    "The server of {who} refused, or its answer made no sense. Try again; if it keeps happening, tell whoever runs "
    "this site."
)
CLOCK = gettext_noop(
    "The clock of this site is wrong, so the server of {who} did not accept its signature. Nothing is wrong with your "
    "account. Try again in a few minutes; whoever runs this site has to set its clock right."
)
CLIENT = gettext_noop(
    "The server of {who} could not check who this site is, as it could not read what this site says about itself. "
    "Nothing is wrong with your account. Try again in a few minutes; if it keeps happening, tell whoever runs this "
    "site."
)
# Asked in this order: a subclass stands before its base.
BY_FAULT: Sequence[tuple[type[AtprotoError], str, str]] = (
    (AddressRefused, "unreachable", REFUSED_ADDRESS),
    (NetworkError, "unreachable", UNREACHABLE),
    (AccessDenied, "access_denied", DENIED),
    (WrongIssuer, "wrong_issuer", ISSUER),
    (WrongAccount, "wrong_account", ACCOUNT),
    (MissingScope, "missing_scope", SCOPE),
    (BadState, "expired", EXPIRED),
    (KeyGone, "expired", EXPIRED),
    (InvalidGrant, "server", USED_UP),
)


def as_authorization_failure(
    fault: AtprotoError,
    *,
    identifier: str,
    next: str,  # noqa: A002
    purpose: str,
    payload: dict[str, Any],
) -> AuthorizationFailed:
    """The failure that a page shows for an error of `elonara.atproto`. Raise it from that error.

    Where the server refused this site as a client, the site looks at itself: its operator can help, nobody else.
    """
    if isinstance(fault, ClientRefused):
        client_refusals.suspect()
    reason, sentence = _reason_and_sentence(fault)
    failure = AuthorizationFailed(
        reason, sentence.format(who=named(identifier)), next=next, purpose=purpose, handle=identifier, payload=payload
    )
    if isinstance(fault, WrongAccount):
        failure.expected, failure.got = fault.expected, fault.got
    return failure


def named(identifier: str) -> str:
    """An account as a sentence names it: `@alice.example`, its DID, or "your account" where neither is known."""
    name = identifier.strip().removeprefix("@")[:253]
    if not name:
        return pgettext("in the middle of a sentence", "your account")
    return name if name.startswith(("did:", "https://", "http://")) else f"@{name}"


def _reason_and_sentence(fault: AtprotoError) -> tuple[str, str]:
    if isinstance(fault, IdentityError):
        reason, sentence = BY_IDENTITY[fault.reason]
        return reason, _(sentence)
    if isinstance(fault, NotNow):
        return fault.reason, fault.sentence
    if isinstance(fault, ClientRefused):
        return ("clock", _(CLOCK)) if fault.is_clock else ("client_refused", _(CLIENT))
    for kind, reason, sentence in BY_FAULT:
        if isinstance(fault, kind):
            return reason, _(sentence)
    too_many_requests = isinstance(fault, OAuthError) and fault.status == 429
    return "server", _(BUSY if too_many_requests else SERVER)
