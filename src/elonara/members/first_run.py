"""The first operator: the server prints a one-time link at its start with which to create the operator's account."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.members import audit
from elonara.members.errors import Invalid, LinkRefused
from elonara.members.models import Member, OneTimeLink
from elonara.members.text import one_line
from elonara.members.usernames import RESERVED, refusal

PURPOSE = "first_operator"
PATH = "/first-run/{token}"
LIFETIME = timedelta(hours=24)


def has_operator() -> bool:
    """Whether the site has an active operator."""
    return Member.objects.filter(is_superuser=True, is_active=True).exists()


def first_run_link() -> str | None:
    """A new link for the first operator, or None once there is one. Only its hash is stored; earlier links are void."""
    if has_operator():
        return None
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        OneTimeLink.objects.filter(purpose=PURPOSE, used_at=None).delete()
        OneTimeLink.objects.create(token_hash=_hash(token), purpose=PURPOSE, expires_at=timezone.now() + LIFETIME)
    return settings.ELONARA.site.url.rstrip("/") + PATH.format(token=token)


def link_is_good(token: str) -> bool:
    """Whether `claim_first_operator` would accept the token now."""
    valid = OneTimeLink.objects.filter(
        token_hash=_hash(token), purpose=PURPOSE, used_at=None, expires_at__gt=timezone.now()
    )
    return valid.exists() and not has_operator()


def claim_first_operator(
    token: str, username: str, password: str, *, email: str = "", display_name: str = ""
) -> Member:
    """Create the operator's account with a link. Raises Invalid (the link stays valid) and LinkRefused."""
    operator = _validated_operator(username, password, email, display_name)
    try:
        with transaction.atomic():
            claimed = OneTimeLink.objects.filter(
                token_hash=_hash(token), purpose=PURPOSE, used_at=None, expires_at__gt=timezone.now()
            ).update(used_at=timezone.now())
            if not claimed:
                raise LinkRefused(
                    _("This link was already used or is older than a day. Start the site again for a new one.")
                )
            if has_operator():
                raise LinkRefused(_("This site has an operator already. Sign in instead."))
            operator.save()
            audit.record(operator, "operator_created", operator)
    except IntegrityError as fault:
        raise Invalid({"username": _("This username is taken. Choose another.")}) from fault
    return operator


def create_operator(username: str, password: str, *, email: str = "", display_name: str = "") -> Member:
    """Create an operator from the command line, where shell access is the authorization. Raises Invalid."""
    operator = _validated_operator(username, password, email, display_name)
    try:
        with transaction.atomic():
            operator.save()
            audit.record(None, "operator_created", operator)
    except IntegrityError as fault:
        raise Invalid({"username": _("This username is taken. Choose another.")}) from fault
    return operator


def _validated_operator(username: str, password: str, email: str, display_name: str) -> Member:
    operator = Member(
        username=Member.normalize_username(username.strip()),
        email=email.strip(),
        display_name=one_line(display_name),
        is_staff=True,
        is_superuser=True,
    )
    errors: dict[str, str] = {}
    try:
        operator.clean_fields(exclude={"password"})
    except ValidationError as fault:
        errors.update({field: " ".join(messages) for field, messages in fault.message_dict.items()})
    # The operator's own name may be one that is kept for the site, such as admin.
    if operator.username.lower() not in RESERVED and (sentence := refusal(operator.username)):
        errors["username"] = sentence
    if operator.username and Member.objects.filter(username__iexact=operator.username).exists():
        errors["username"] = _("This username is taken. Choose another.")
    if not password:
        errors["password"] = _("Choose a password.")
    else:
        try:
            validate_password(password, operator)
        except ValidationError as fault:
            errors["password"] = " ".join(fault.messages)
    if errors:
        raise Invalid(errors)
    operator.set_password(password)
    return operator


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
