"""Why a call to Bluesky failed: stable reason codes, each with a sentence that says what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

KEYS_MISSING: Final = "keys_missing"

UNKNOWN: Final = gettext_noop("Bluesky refused, and did not say why in a way that this site knows.")
SENTENCES: Mapping[str, str] = {
    # Only the member can help.
    "not_connected": gettext_noop("No Bluesky account is connected. Connect one in your settings."),
    "disconnected": gettext_noop("Your Bluesky account was disconnected. Connect it again in your settings."),
    "revoked": gettext_noop("The connection was ended at Bluesky. Reauthorize in your settings."),
    "refresh_lost": gettext_noop("The connection broke off while it was being renewed. Reauthorize in your settings."),
    "client_changed": gettext_noop(
        "This site's address has changed since you connected. Reauthorize in your settings."
    ),
    "wrong_account": gettext_noop("Bluesky answered for another account. Reauthorize in your settings."),
    "moved": gettext_noop("Your account has moved to another server. Reauthorize in your settings."),
    "refused": gettext_noop("Your server no longer accepts the connection. Reauthorize in your settings."),
    "unreadable": gettext_noop(
        "The stored connection cannot be opened. The operator can restore the site's keys; or reauthorize."
    ),
    "scope_missing": gettext_noop("Bluesky permission to post is missing. Reauthorize in your settings and allow it."),
    "app_password_missing": gettext_noop("An app password is missing. Add one in your settings."),
    "app_password_refused": gettext_noop(
        "Bluesky no longer accepts your app password. Add a new one in your settings."
    ),
    "no_app_passwords": gettext_noop(
        "Your server does not support app passwords. Let this site post without one, in your settings."
    ),
    "app_password_moved": gettext_noop(
        "Your account has moved to another server. Add an app password from the new one in your settings."
    ),
    # Retried by the site, or at a later time.
    "rate_limited": gettext_noop("Bluesky asks this account to wait. It will continue automatically."),
    "busy": gettext_noop("The connection is being renewed. It will continue automatically."),
    KEYS_MISSING: gettext_noop(
        "This site cannot open what it has stored. It will continue once its operator has fixed this."
    ),
    "address_changed": gettext_noop(
        "This site has another address at the moment. It will continue once its operator has fixed this."
    ),
    "unreachable": gettext_noop("Your server could not be reached. We will try again automatically."),
    "no_answer": gettext_noop(
        "Your server did not answer, so the post may or may not be there. We check before trying again."
    ),
    "server": gettext_noop("Your server had a problem. We will try again automatically."),
    "token_refused": gettext_noop(
        "Your server did not accept the permission that it had just renewed. We will try again automatically."
    ),
    "blob_not_found": gettext_noop("Your server lost the picture of the card. It is uploaded again."),
    # Nobody is told to activate an account: if it is on its way to another server, that would break it.
    "account_deactivated": gettext_noop(
        "Your Bluesky account is deactivated. It will continue automatically when the account is active."
    ),
    "account_takendown": gettext_noop(
        "Bluesky has taken this account down. It will continue automatically if that is lifted."
    ),
    "relay_unavailable": gettext_noop(
        "The site's own account cannot post now. Tell the operator, or copy the text and post it."
    ),
    # Not retried.
    "account_gone": gettext_noop("This account no longer exists."),
    "other_author": gettext_noop("This post belongs to a different account than the one that can post now."),
    "relay_not_configured": gettext_noop("This site has no account of its own to post from."),
    "relay_not_approved": gettext_noop("The operator has not approved posting for you through the site's own account."),
    "text_too_long": gettext_noop("Your server allows less text than Bluesky."),
    "record_refused": gettext_noop("Your server refused the post."),
    "address_refused": gettext_noop("Your server is at an address that this site does not contact."),
    "record_not_found": gettext_noop("This post does not exist."),
    "wrong_scheme_or_host": gettext_noop(
        "This site sent its permission in the wrong way. That is our fault: tell the operator."
    ),
    "clock": gettext_noop(
        "Your server did not accept the date of this site's signature. We will try again automatically; if it "
        "keeps happening, the operator should set the clock of this site right."
    ),
    "client_refused": gettext_noop(
        "Your server could not check who this site is. We will try again automatically, and the operator "
        "has been told. Your connection stays."
    ),
}


def sentence(reason: str) -> str:
    """The sentence for a reason code; a general one for a code that this version does not know."""
    return _(SENTENCES.get(reason, UNKNOWN))
