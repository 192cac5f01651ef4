"""Why an app password is not kept: the error that pages show, and what is said of a password that opens everything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto import app_password
from elonara.atproto.errors import NetworkError, XrpcError
from elonara.atproto.identity import Identity
from elonara.bluesky import network
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.oauth.failures import UNREACHABLE, named

NOT_THE_MAIN_ONE = gettext_noop(
    "That is the main password of your account. It was not saved. Create an app password in Bluesky under "
    "Settings, Privacy and security, App passwords, and enter that one."
)
KNOWS_NO_APP_PASSWORDS = gettext_noop(
    "With this password your server gives full access to your account, as servers without app passwords do. "
    "It was not saved, because this site stores no password that can do everything."
)
# As the reference PDS makes them: four groups of base32 in lower case.
APP_PASSWORD_FORM = re.compile(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}")
EMAIL_CODE = gettext_noop(
    "Bluesky wants a code by e-mail for this password, as it does for main passwords only. It was not saved. "
    "Create an app password in Bluesky under Settings, Privacy and security, App passwords; it needs no code."
)


@dataclass
class AppPasswordRefused(Exception):
    """The app password was not stored; `sentence` says why and what to do.

    Reasons: not_connected, empty, unknown_account, not_pointing_back, other_account, main_password, no_app_passwords
    (the server opens the whole account with any password), email_code, wrong_password, rate_limited,
    account_deactivated, is_relay, unreachable, server.
    """

    reason: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.sentence}"


def full_access_in_words(password: str) -> str:
    """Why a password that opens the whole account is not kept, by its form: only what does not look like an app
    password is called the main one. In English; translated where it is shown.
    """
    return KNOWS_NO_APP_PASSWORDS if APP_PASSWORD_FORM.fullmatch(password) else NOT_THE_MAIN_ONE


def full_access(account: Identity, password: str) -> AppPasswordRefused:
    """The refusal of a password with which the account's server opens everything.

    That it is the main one is said only where the server has app passwords, so that there could have been another.
    """
    sentence = full_access_in_words(password)
    try:
        if sentence == NOT_THE_MAIN_ONE and app_password.are_known_at(network.xrpc(), account.pds_url):
            return AppPasswordRefused("main_password", _(sentence))
    except (NetworkError, XrpcError):
        return AppPasswordRefused("unreachable", _(UNREACHABLE).format(who=named(account.handle)))
    return AppPasswordRefused(oauth_posting.NO_APP_PASSWORDS, _(KNOWS_NO_APP_PASSWORDS))


def code_by_email(account: Identity) -> AppPasswordRefused:
    """The refusal of a password for which the server wants a code by e-mail: it is the main one."""
    try:
        known = app_password.are_known_at(network.xrpc(), account.pds_url)
    except (NetworkError, XrpcError):
        known = True
    if known:
        return AppPasswordRefused("email_code", _(EMAIL_CODE))
    return AppPasswordRefused(oauth_posting.NO_APP_PASSWORDS, _(KNOWS_NO_APP_PASSWORDS))
