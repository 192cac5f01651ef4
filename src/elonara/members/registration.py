"""Who may become a member: `site.registration`, `open`, `approval` or `closed`."""

from django.conf import settings
from django.db import IntegrityError, transaction

from elonara.members.errors import RegistrationClosed
from elonara.members.models import Member
from elonara.members.notices import notify
from elonara.members.text import one_line
from elonara.members.usernames import free_username

CLOSED = (
    "{site} takes no new members at the moment. You can still answer an invitation: open its link and continue "
    "with Bluesky."
)
WAITING = "Your account waits for the operator of {site}. You can look around and answer invitations meanwhile."


def mode() -> str:
    """`open`, `approval` or `closed`, as set now."""
    return str(settings.ELONARA.site.registration_mode)


def is_open() -> bool:
    """Whether anybody may sign up, perhaps to wait for approval."""
    return mode() != "closed"


def sentence() -> str:
    """What the sign-up page says about the mode; empty where there is nothing to say."""
    site = settings.ELONARA.site.name
    if mode() == "closed":
        return CLOSED.format(site=site)
    if mode() == "approval":
        return f"The operator of {site} looks at every new account before it can host or join anything."
    return ""


def standing_of_a_new_member() -> Member.Standing:
    """Active, or pending under approval. Raises RegistrationClosed."""
    if not is_open():
        raise RegistrationClosed(sentence())
    return Member.Standing.PENDING if mode() == "approval" else Member.Standing.ACTIVE


def welcome(member: Member) -> None:
    """After a member was saved: tell her, and the operators, when she has to wait."""
    if member.standing != Member.Standing.PENDING:
        return
    notify(member, "standing", WAITING.format(site=settings.ELONARA.site.name))
    waiting = Member.objects.filter(standing=Member.Standing.PENDING).count()
    text = "1 new member waits for your approval." if waiting == 1 else f"{waiting} new members wait for your approval."
    for operator in Member.objects.filter(is_superuser=True, is_active=True):
        notify(operator, "approvals", text, "/admin/elonara/member/?standing__exact=pending")


def member_for_new_did(did: str, handle: str, display_name: str = "") -> Member:
    """Make an account for somebody who proved a DID that nobody here has; the caller links the DID, in one transaction.

    The username comes from the handle, the password is unusable. Raises RegistrationClosed.
    """
    standing = standing_of_a_new_member()
    name = one_line(display_name)[:64]
    for _ in range(5):
        member = Member(username=free_username(handle or did), display_name=name, standing=standing)
        member.set_unusable_password()
        try:
            with transaction.atomic():
                member.save()
                welcome(member)
        except IntegrityError:
            continue  # somebody took the name between the look and the write
        return member
    raise RegistrationClosed("Many people are signing up with this name at once. Please try again in a minute.")
