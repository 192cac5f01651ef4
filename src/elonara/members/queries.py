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
    """Whether the member may host, join and invite: neither waiting nor suspended."""
    return member is not None and member.is_active and member.standing == Member.Standing.ACTIVE


def may_sign_in(member: Member | None) -> bool:
    """Whether a session or an API token may be given: a waiting member may look around, a suspended one may not."""
    return member is not None and member.is_active and member.standing != Member.Standing.SUSPENDED


def open_notices(member: Member) -> QuerySet[Notice]:
    """What waits on the member's pages, newest first."""
    return Notice.objects.filter(member=member, dismissed_at=None).order_by("-created_at")


def waiting_for_approval() -> QuerySet[Member]:
    """Members that the operator has not looked at yet, the oldest first."""
    return Member.objects.filter(standing=Member.Standing.PENDING, is_active=True).order_by("date_joined")


def by_username(username: str) -> Member | None:
    """The member of that name, upper and lower case being one."""
    return Member.objects.filter(username__iexact=username.strip(), is_active=True).first()
