"""Reading members and their notices."""

from django.db.models import QuerySet

from elonara.members.first_run import has_operator, link_is_good
from elonara.members.models import Member, Notice
from elonara.members.registration import is_open as registration_is_open
from elonara.members.registration import mode as registration_mode
from elonara.members.registration import sentence as registration_sentence

__all__ = [
    "by_username",
    "has_operator",
    "has_verified_email",
    "is_operator",
    "link_is_good",
    "may_act",
    "may_sign_in",
    "open_notices",
    "registration_is_open",
    "registration_mode",
    "registration_sentence",
    "waiting_for_approval",
]


def may_act(member: Member | None) -> bool:
    """Whether the member may host, join and invite: neither pending nor suspended."""
    return member is not None and member.is_active and member.standing == Member.Standing.ACTIVE


def may_sign_in(member: Member | None) -> bool:
    """Whether the member may have a session or an API token. A pending member may, but a suspended one may not."""
    return member is not None and member.is_active and member.standing != Member.Standing.SUSPENDED


def is_operator(member: Member | None) -> bool:
    """Whether the member is an operator of the site, and neither pending nor suspended."""
    return member is not None and member.is_superuser and may_act(member)


def open_notices(member: Member) -> QuerySet[Notice]:
    """The member's open notices, newest first."""
    return Notice.objects.filter(member=member, dismissed_at=None).order_by("-created_at")


def waiting_for_approval() -> QuerySet[Member]:
    """Members that the operator has not approved yet, the oldest first."""
    return Member.objects.filter(standing=Member.Standing.PENDING, is_active=True).order_by("date_joined")


def by_username(username: str) -> Member | None:
    """The active member with that username, ignoring case."""
    return Member.objects.filter(username__iexact=username.strip(), is_active=True).first()


def has_verified_email(member: Member) -> bool:
    """Whether the member has opened the link in an e-mail to an address of hers."""
    from allauth.account.models import EmailAddress  # noqa: PLC0415  # imports models: only after the apps are loaded

    return bool(EmailAddress.objects.filter(user=member, verified=True).exists())
