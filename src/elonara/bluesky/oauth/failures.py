"""What went wrong on the way to or from an authorization server, as a sentence with the way on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elonara.atproto.errors import (
    AccessDenied,
    AddressRefused,
    AtprotoError,
    BadState,
    IdentityError,
    InvalidGrant,
    MissingScope,
    NetworkError,
    OAuthError,
    WrongAccount,
    WrongIssuer,
)
from elonara.bluesky.oauth.outcomes import AuthorizationFailed

BY_IDENTITY: Mapping[str, tuple[str, str]] = {
    "bad_handle": (
        "unknown_account",
        "{who} is not a Bluesky handle. A handle looks like alice.bsky.social; write it in full.",
    ),
    "handle_not_found": (
        "unknown_account",
        "No Bluesky account answers to {who}. Check the spelling, and write the handle in full.",
    ),
    "handle_mismatch": (
        "not_pointing_back",
        "{who} leads to an account that does not name this handle back, so it cannot be trusted. "
        "Repair the handle in the Bluesky app, or use your other handle or your DID.",
    ),
    "did_not_found": ("unknown_account", "The account {who} does not exist, or not any more."),
    "did_malformed": ("unknown_account", "The account {who} describes itself in a way that cannot be read."),
    "no_pds": ("unknown_account", "The account {who} names no server that holds it."),
    "unreachable": ("unreachable", "{who} could not be looked up just now. Try again in a few minutes."),
}
UNREACHABLE = "The server of {who} does not answer. Try again in a few minutes."
REFUSED_ADDRESS = "The server of {who} is at an address that this site does not ask."
DENIED = "You pressed “deny” on your server's page, so nothing was connected. You can start again whenever you like."
ISSUER = "The answer came from another server than the one you were sent to, so it was not trusted. Start again."
ACCOUNT = "You chose another account on your server's page than {who}. Start again and choose that one."
SCOPE = "Your server did not allow this site to know who you are. Start again and allow it."
USED_UP = "Your server did not accept the answer any more: it was used already, or took too long. Start again."
EXPIRED = "That sign-in was begun too long ago, or was used already. Start again."
BUSY = "The server of {who} is busy. Try again in a few minutes."
SERVER = "The server of {who} refused or did not make sense. Try again; if it stays so, tell whoever runs this site."


def as_authorization_failure(
    fault: AtprotoError,
    *,
    identifier: str,
    next: str,  # noqa: A002
    purpose: str,
    payload: dict[str, Any],
) -> AuthorizationFailed:
    """The failure that pages show for a fault of the protocol floor. Raise it from the fault."""
    reason, sentence = _words(fault)
    failure = AuthorizationFailed(
        reason, sentence.format(who=named(identifier)), next=next, purpose=purpose, handle=identifier, payload=payload
    )
    if isinstance(fault, WrongAccount):
        failure.expected, failure.got = fault.expected, fault.got
    return failure


def named(identifier: str) -> str:
    """An account's name in a sentence: `@alice.example`, the DID, or words where there is neither."""
    name = identifier.strip().removeprefix("@")[:253]
    if not name:
        return "your account"
    return name if name.startswith(("did:", "https://", "http://")) else f"@{name}"


def _words(fault: AtprotoError) -> tuple[str, str]:  # noqa: PLR0911 - one line a fault
    match fault:
        case IdentityError():
            return BY_IDENTITY[fault.reason]
        case AddressRefused():
            return "unreachable", REFUSED_ADDRESS
        case NetworkError():
            return "unreachable", UNREACHABLE
        case AccessDenied():
            return "access_denied", DENIED
        case WrongIssuer():
            return "wrong_issuer", ISSUER
        case WrongAccount():
            return "wrong_account", ACCOUNT
        case MissingScope():
            return "missing_scope", SCOPE
        case BadState():
            return "expired", EXPIRED
        case InvalidGrant():
            return "server", USED_UP
        case OAuthError(status=429):
            return "server", BUSY
        case _:
            return "server", SERVER
