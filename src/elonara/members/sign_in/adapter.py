"""The django-allauth adapter: who may sign up, who may sign in, and where they are redirected."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from elonara import shared_cache
from elonara.members import registration
from elonara.members.models import Member
from elonara.members.queries import may_sign_in
from elonara.members.text import email_subject
from elonara.members.usernames import RESERVED, refusal
from elonara.networks import network_of

# Attempts at one account from all networks together. Beyond them only networks that the member uses may try.
FROM_ANYWHERE = 100
FROM_ANYWHERE_SECONDS = 3600


def proved_recently(request: HttpRequest) -> bool:
    """Whether this member has signed in, or shown again who she is, a moment ago in this browser."""
    now = time.time()
    times = [record.get("at", 0) for record in get_authentication_records(request, request.user)]
    return any(0 <= now - at < app_settings.REAUTHENTICATION_TIMEOUT for at in times)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Enforces registration mode and standing on every way to sign in (forms, MFA, Bluesky)."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": gettext_lazy("This username is taken. Choose another."),
        "username_blacklisted": gettext_lazy("This username is reserved for the site itself. Choose another."),
        "username_password_mismatch": gettext_lazy(
            "This username and password do not match. Check both, then try again."
        ),
        "email_password_mismatch": gettext_lazy("This address and password do not match. Check both, then try again."),
        "invalid_login": gettext_lazy("This name and password do not match. Check both, then try again."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Wait a few minutes, or choose a new password."),
        "rate_limited": gettext_lazy("Too many tries. Wait a few minutes, then try again."),
        "account_inactive": gettext_lazy("This account is suspended. Write to the operator of the site."),
        "enter_current_password": gettext_lazy("That is not your password. Enter the one you have used until now."),
        "incorrect_password": gettext_lazy("That is not your password."),
        "incorrect_code": gettext_lazy("This code is wrong or has expired. Enter the one that your app shows now."),
        "invalid_password_reset": gettext_lazy("This link no longer works. Ask for a new one."),
        "email_taken": gettext_lazy("Another account has this address."),
        "duplicate_email": gettext_lazy("This account already has this address."),
        "max_email_addresses": gettext_lazy("An account has %d addresses at most. Remove one first."),
        "unverified_primary_email": gettext_lazy("Confirm the address first: open the link in the e-mail we sent you."),
        "cannot_remove_primary_email": gettext_lazy("Make another address the main one before you remove this."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        """Whether the sign-up form is shown."""
        return registration.is_open()

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse names that could be taken for the site's own staff, for a handle or for somebody else's name."""
        username = str(super().clean_username(username, shallow=shallow))
        if username.lower() in RESERVED:
            raise ValidationError(self.error_messages["username_taken"])
        if sentence := refusal(username):
            raise ValidationError(sentence)
        return username

    def format_email_subject(self, subject: str) -> str:
        """The subject behind the site's name."""
        return email_subject(subject)

    def save_user(self, request: HttpRequest, user: Member, form: Any, commit: bool = True) -> Member:
        """Save a member from the sign-up form, with a standing by registration mode. Raises RegistrationClosed."""
        user.standing = registration.standing_of_a_new_member()
        saved: Member = super().save_user(request, user, form, commit=commit)
        if commit:
            registration.welcome(saved)
        return saved

    def set_password(self, user: Member, password: str) -> None:
        """Change or reset a password, which ends every API token and every other session of the member."""
        user.token_epoch += 1
        super().set_password(user, password)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failed attempts are counted for an account and a network: others cannot lock the owner out from theirs."""
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{network_of(request.META.get('REMOTE_ADDR', ''))}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse what is tried too often, from one network or, by an attack with many, at all."""
        super().pre_authenticate(request, **credentials)
        key = super()._get_login_attempts_cache_key(request, **credentials)
        count = shared_cache.count(f"login_from_anywhere:{key}", FROM_ANYWHERE_SECONDS)
        if count > FROM_ANYWHERE and not _has_session_there(request, credentials):
            raise self.validation_error("too_many_login_attempts")

    def pre_login(self, request: HttpRequest, user: Member, **kwargs: Any) -> HttpResponse | None:
        """Refuse to sign in a suspended member."""
        if not may_sign_in(user):
            from allauth.account.internal.stagekit import clear_login  # noqa: PLC0415  # as allauth's own pre_login

            clear_login(request)
            refusal: HttpResponse = self.respond_user_inactive(request, user)
            return refusal
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:  # noqa: ARG002  # allauth's signature
        """Whether a member has to show again who she is before she changes how she signs in.

        Having signed in a moment ago is enough. allauth asks nothing of members who have neither a password nor a
        second factor; here these are sent to Bluesky. Raises ReauthenticationRequired for them.
        """
        request = context.request
        if proved_recently(request):
            return False
        if not get_reauthentication_flows(request.user):
            raise ReauthenticationRequired
        return True

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to show it: password, second factor, Bluesky."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if getattr(user, "bluesky", None):
            methods.append({"id": "bluesky", "description": _("Use Bluesky"), "url": "/auth/bluesky/verify"})
        return methods

    def get_login_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """The home page, which shows open notices; a `next` parameter takes precedence."""
        return "/"

    def get_signup_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """The home page too: it says so where the account needs approval."""
        return "/"

    def get_logout_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """The home page."""
        return "/"


def _has_session_there(request: HttpRequest, credentials: dict[str, Any]) -> bool:
    """Whether the member has a session from this network."""
    from allauth.usersessions.models import UserSession  # noqa: PLC0415  # imports models

    name = str(credentials.get("username") or credentials.get("email") or "")
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    members = Member.objects.filter(Q(username__iexact=name) | Q(emailaddress__email__iexact=name))
    addresses = UserSession.objects.filter(user__in=members).values_list("ip", flat=True)
    return any(network_of(address) == network for address in addresses)
