"""What keeps somebody from simply joining: her request was declined, or she was removed.

A bar holds until an admin or a moderator lets her in: by accepting or adding her, or by an invitation that is newer
than the bar. An older invitation opens nothing: it would be a way around the decision.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.communities.models import Community, JoinRequest, Removal
from elonara.communities.principals import Principal
from elonara.members.errors import NotAllowed

DECLINED = gettext_noop("The admins declined your request. Write to them if you think this is a mistake.")
REMOVED = gettext_noop("You were removed from {name}. You can come back when an admin or moderator lets you in.")


def require_none(community: Community, person: Principal, *, invited_at: dt.datetime | None = None) -> None:
    """Raise NotAllowed where a bar holds. `invited_at`: when an invitation was made that the caller has verified."""
    declined = _declined(community, person).values_list("ended_at", flat=True).order_by("-ended_at").first()
    if declined is not None and (invited_at is None or invited_at <= declined):
        raise NotAllowed(_(DECLINED), "declined")
    removed = _removals(community, person).values_list("removed_at", flat=True).order_by("-removed_at").first()
    if removed is not None and (invited_at is None or invited_at <= removed):
        raise NotAllowed(_(REMOVED).format(name=community.name), "removed")


def is_removed(community: Community, person: Principal) -> bool:
    """Whether the person was removed, and nobody has let her in again."""
    return _removals(community, person).exists()


def lift(community: Community, person: Principal) -> None:
    """Forget the bars of somebody who has come in, and a request of hers that still waits."""
    _removals(community, person).delete()
    if person.member is not None:
        outcomes = (JoinRequest.Outcome.OPEN, JoinRequest.Outcome.DECLINED)
        rows = JoinRequest.objects.filter(community=community, member=person.member, outcome__in=outcomes)
        rows.update(outcome=JoinRequest.Outcome.ACCEPTED, ended_at=timezone.now())


def _declined(community: Community, person: Principal) -> QuerySet[JoinRequest]:
    rows = JoinRequest.objects.filter(community=community, outcome=JoinRequest.Outcome.DECLINED)
    return rows.filter(member=person.member) if person.member is not None else rows.none()


def _removals(community: Community, person: Principal) -> QuerySet[Removal]:
    return Removal.objects.filter(person.rows, community=community)
