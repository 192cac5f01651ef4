"""Who may become a member: `site.registration`, `open`, `approval` or `closed`."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.members.errors import RegistrationClosed
from elonara.members.models import Member
from elonara.members.notices import notify
from elonara.members.text import one_line
from elonara.members.usernames import free_username

CLOSED = gettext_noop(
    "{site} is not accepting new members at the moment. You can still answer an invitation: open its link and continue "
    "with Bluesky."
)
WAITING = gettext_noop(
    "Your account is waiting for approval by the operator of {site}. "
    "Meanwhile you can look around and answer invitations."
)


def mode() -> str:
    """The site's setting: `open`, `approval` or `closed`."""
    return str(settings.ELONARA.site.registration_mode)


def is_open() -> bool:
    """Whether anybody may sign up, be it with approval."""
    return mode() != "closed"


def sentence() -> str:
    """The sentence about the mode on the sign-up page; "" where none is needed."""
    site = settings.ELONARA.site.name
    if mode() == "closed":
        return _(CLOSED).format(site=site)
    if mode() == "approval":
        return _("The operator of {site} looks at every new account before it can host or join anything.").format(
            site=site
        )
    return ""


def standing_of_a_new_member() -> Member.Standing:
    """The standing of somebody who signs up now: active, or pending with approval. Raises RegistrationClosed."""
    if not is_open():
        raise RegistrationClosed(sentence())
    return Member.Standing.PENDING if mode() == "approval" else Member.Standing.ACTIVE


def welcome(member: Member) -> None:
    """Notify a new member, once saved, and the operators where she needs approval."""
    if member.standing != Member.Standing.PENDING:
        return
    notify(member, "standing", _(WAITING).format(site=settings.ELONARA.site.name))
    waiting = Member.objects.filter(standing=Member.Standing.PENDING).count()
    text = ngettext(
        "{count} new member is waiting for your approval.",
        "{count} new members are waiting for your approval.",
        waiting,
    ).format(count=waiting)
    for operator in Member.objects.filter(is_superuser=True, is_active=True):
        notify(operator, "approvals", text, "/admin/elonara/member/?standing__exact=pending")


def member_for_new_did(did: str, handle: str, display_name: str = "") -> Member:
    """Create an account for somebody who proved a DID that no member has. The caller links the DID in the transaction.

    The username is made from the handle, and the password is unusable. Raises RegistrationClosed.
    """
    standing = standing_of_a_new_member()
    name = one_line(display_name)[:64]
    for _attempt in range(5):
        member = Member(username=free_username(handle or did), display_name=name, standing=standing)
        member.set_unusable_password()
        try:
            with transaction.atomic():
                member.save()
                welcome(member)
        except IntegrityError:
            continue  # somebody else took the username between our check and the insert
        return member
    raise RegistrationClosed(_("Many people are signing up with this name at once. Please try again in a minute."))
