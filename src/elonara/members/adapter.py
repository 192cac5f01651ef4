"""Where django-allauth asks us: who may sign up, who may sign in, and where they land."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from elonara.members import registration
from elonara.members.models import Member
from elonara.members.queries import may_sign_in
from elonara.members.usernames import RESERVED


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Registration mode and standing, enforced on every way in (forms, MFA, Bluesky)."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": "Somebody has this username. Choose another.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        """Whether the sign-up form is shown at all."""
        return registration.is_open()

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse names that would pass for the site itself."""
        username = str(super().clean_username(username, shallow=shallow))
        if username.lower() in RESERVED:
            raise ValidationError(self.error_messages["username_taken"])
        return username

    def save_user(self, request: HttpRequest, user: Member, form: Any, commit: bool = True) -> Member:
        """Save a member from the sign-up form, with the standing that the mode gives. Raises RegistrationClosed."""
        user.standing = registration.standing_of_a_new_member()
        saved: Member = super().save_user(request, user, form, commit=commit)
        if commit:
            registration.welcome(saved)
        return saved

    def set_password(self, user: Member, password: str) -> None:
        """Change or reset a password: every API token and every other session ends with the old one."""
        user.token_epoch += 1
        super().set_password(user, password)

    def pre_login(self, request: HttpRequest, user: Member, **kwargs: Any) -> HttpResponse | None:
        """Stop a suspended member at the door."""
        if not may_sign_in(user):
            from allauth.account.internal.stagekit import clear_login  # noqa: PLC0415  # as allauth's own pre_login

            clear_login(request)
            answer: HttpResponse = self.respond_user_inactive(request, user)
            return answer
        answer_or_none: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return answer_or_none

    def get_login_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """Home, which shows what waits; `next` takes precedence."""
        return "/"

    def get_signup_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """Home as well: it says when the account waits for approval."""
        return "/"

    def get_logout_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  # allauth's signature
        """Home, signed out."""
        return "/"
