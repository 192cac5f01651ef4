"""Approving, suspending and reinstating members, and making operators; the operator alone may."""

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from elonara.members import audit
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.notices import notify, settle


def require_operator(by: Member | None) -> None:
    """Raise NotAllowed unless `by` is an operator."""
    if by is None or not (by.is_active and by.is_superuser and by.standing == Member.Standing.ACTIVE):
        raise NotAllowed(_("Only the operator of the site may do this."), "operator_only")


def require_active(member: Member) -> None:
    """Raise NotAllowed, with a sentence that says what to do, unless the member may act on the site."""
    if not member.is_active or member.standing == Member.Standing.SUSPENDED:
        raise NotAllowed(
            _("This account is suspended. Write to the operator of the site if you think it is a mistake."),
            "suspended",
        )
    if member.standing == Member.Standing.PENDING:
        raise NotAllowed(
            _(
                "Your account is waiting for approval by the operator of {site}. "
                "You will see a notice here once it is approved."
            ).format(site=settings.ELONARA.site.name),
            "pending",
        )


def approve(member: Member, by: Member) -> None:
    """Make a pending or suspended member active."""
    require_operator(by)
    with transaction.atomic():
        before = Member.objects.select_for_update().get(pk=member.pk).standing
        if before != Member.Standing.ACTIVE:
            Member.objects.filter(pk=member.pk).update(standing=Member.Standing.ACTIVE)
            reinstated = before == Member.Standing.SUSPENDED
            audit.record(by, "member_reinstated" if reinstated else "member_approved", member)
            settle(member, "standing")
            notify(member, "approved", _("Your account is approved. You can host and join now."), "/events")
        if not Member.objects.filter(standing=Member.Standing.PENDING).exists():
            for operator in Member.objects.filter(is_superuser=True):
                settle(operator, "approvals")
    member.standing = Member.Standing.ACTIVE


def suspend(member: Member, by: Member) -> None:
    """Suspend a member; sessions and API tokens end at once. An operator cannot suspend herself."""
    require_operator(by)
    if member.pk == by.pk:
        raise NotAllowed(_("You cannot suspend your own account."), "own_account")
    with transaction.atomic():
        acting = Member.objects.filter(pk=member.pk).exclude(standing=Member.Standing.SUSPENDED)
        if acting.update(standing=Member.Standing.SUSPENDED):
            audit.record(by, "member_suspended", member)
        end_sessions(member)
    member.standing = Member.Standing.SUSPENDED


def set_rights(member: Member, by: Member, *, is_staff: bool, is_superuser: bool) -> None:
    """Make somebody an operator (`is_superuser`), or no longer one. An operator cannot take her own rights away."""
    require_operator(by)
    if member.pk == by.pk and not (is_staff and is_superuser):
        raise NotAllowed(_("You cannot remove your own rights. Ask another operator."), "own_account")
    with transaction.atomic():
        before = Member.objects.select_for_update().get(pk=member.pk)
        if (before.is_staff, before.is_superuser) != (is_staff, is_superuser):
            Member.objects.filter(pk=member.pk).update(is_staff=is_staff, is_superuser=is_superuser)
            note = _("operator: {operator}, staff: {staff}")
            note = note.format(operator=_yes(is_superuser), staff=_yes(is_staff))
            audit.record(by, "rights_changed", member, note)
    member.is_staff, member.is_superuser = is_staff, is_superuser


def end_sessions(member: Member) -> None:
    """End all sessions and API tokens of the member, by way of the epoch that they contain."""
    from allauth.usersessions.models import UserSession  # noqa: PLC0415  # imports models: only after the apps are loaded

    Member.objects.filter(pk=member.pk).update(token_epoch=F("token_epoch") + 1)
    member.refresh_from_db(fields=["token_epoch"])
    for session in UserSession.objects.filter(user=member):
        session.end()


def _yes(value: bool) -> str:
    return _("yes") if value else _("no")
