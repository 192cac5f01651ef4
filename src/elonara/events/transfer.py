"""Giving an event to somebody else, who accepts: she is its host then, and who was it stays as a co-host.

Until she accepts nothing changes. The question itself is in `communities.transfer_rows`.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.communities import transfer_rows
from elonara.communities.models import Transfer
from elonara.events import hooks
from elonara.events.actions import asked_kind, require_first_host
from elonara.events.models import Event, EventHost
from elonara.events.queries import is_cancelled, is_over, role_of
from elonara.members.actions import require_active, settle
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.queries import may_act

ONLY_HOST = gettext_noop("Only the host can give the event to someone else.")


def may_give(event: Event, member: Member) -> bool:
    """Whether it is hers to give: she is its host, and no co-host."""
    return may_act(member) and role_of(event, member) == EventHost.Role.HOST


def require_giver(event: Event, by: Member) -> None:
    """Raise NotAllowed unless the member may give the event to somebody now."""
    require_first_host(event, by, ONLY_HOST)
    _require_open(event)


def ask(event: Event, *, by: Member, member: Member) -> Transfer:
    """Ask a member to be the host in her place. Raises NotAllowed."""
    with transaction.atomic():
        locked = _lock(event)
        require_giver(locked, by)
        if member.pk == by.pk:
            raise NotAllowed(_("You are the host already."), "host")
        return transfer_rows.ask(locked, by=by, member=member)


def take_back(event: Event, *, by: Member) -> None:
    """Withdraw the request, if one waits. Raises NotAllowed."""
    with transaction.atomic():
        locked = _lock(event)
        require_first_host(locked, by, ONLY_HOST)
        transfer_rows.take_back(locked, by=by)


def decline(event: Event, *, by: Member) -> None:
    """Say no. Raises NotAllowed."""
    with transaction.atomic():
        transfer_rows.decline(_lock(event), by=by)


def accept(event: Event, *, by: Member) -> None:
    """Become the host; who asked stays as a co-host. Raises NotAllowed.

    Replies of guests no longer go to an address: the new host has not said that they may go to hers.
    """
    require_active(by)
    with transaction.atomic():
        locked = _lock(event)
        _require_open(locked)
        row = transfer_rows.accept(locked, by=by)
        if row is None:
            return
        now, giver = timezone.now(), EventHost.objects.filter(event=locked, member=row.by, role=EventHost.Role.HOST)
        if not giver.update(role=EventHost.Role.COHOST, accepted_at=now):
            raise NotAllowed(_(transfer_rows.NOT_ASKED), "not_asked")
        hosts = {"role": EventHost.Role.HOST, "accepted_at": now, "declined_at": None}
        EventHost.objects.update_or_create(event=locked, member=by, defaults=hosts)
        settle(by, asked_kind(locked))  # she may have been asked to be a co-host, too
        locked.created_by, locked.replies_to_host = by, False
        locked.save(update_fields=["created_by", "replies_to_host"])
        hooks.changed(locked, frozenset({"hosts"}))
    event.refresh_from_db()


def _lock(event: Event) -> Event:
    # Without its maker: after a wait for the lock PostgreSQL joins anew, and finds no row where she has changed.
    return Event.objects.select_for_update().get(pk=event.pk)


def _require_open(event: Event) -> None:
    if event.hidden_at is not None:
        sentence = _("This event has been hidden by the operator of this site. Nobody can take it over.")
        raise NotAllowed(sentence, "hidden")
    if is_cancelled(event):
        raise NotAllowed(_("This event was cancelled. Nobody can take it over."), "cancelled")
    if is_over(event):
        raise NotAllowed(_("This event is over. Nobody can take it over."), "over")
