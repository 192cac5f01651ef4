"""The questions whether somebody takes an event or a community over: rows, notices and the audit log.

What acceptance changes is said where the roles are: `communities.transfer` and `events.transfer`, which also check who
may ask. Every write here is called under a lock of the event's or community's row, so that of an answer, a second
answer and a question taken back at the same moment one comes first, and the others see what it did.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.communities.models import Community, Transfer
from elonara.compiled_queries import CompiledQuery
from elonara.members import audit
from elonara.members.actions import notify, settle
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.members.queries import may_act

if TYPE_CHECKING:
    from elonara.events.models import Event

type Transferable = Event | Community

MAX_A_DAY: Final = 10  # questions about one event or community: each of them is a notice for somebody
MAX_REFUSALS: Final = 2  # whoever said no so often is not asked again
AGAIN_AFTER: Final = timedelta(days=1)  # since she said no
NOT_ASKED: Final = gettext_noop("Nobody is asking you to take this over at the moment.")

# Asked on an event's page for everybody who is signed in. Nobody takes over from a host who is suspended: what is
# withheld because of her would be public again.
_ASKED_ABOUT_EVENT = CompiledQuery(lambda of, who: open_to(who).filter(event=of))


def waiting(of: Transferable) -> Transfer | None:
    """The question that waits for an answer, with both members; None where nobody is asked."""
    return _open(of).select_related("by", "to__bluesky").first()


def asked(of: Transferable, member: Member | None) -> Transfer | None:
    """The question that waits for this member, with who asks; None where she is not asked."""
    if member is None:
        return None
    if isinstance(of, Community):
        return open_to(member).filter(community=of).first()
    return _ASKED_ABOUT_EVENT.first(of=of.pk, who=member.pk)


def ask(of: Transferable, *, by: Member, member: Member) -> Transfer:
    """Ask a member to take it over: she gets a notice. Asking the one who is asked changes nothing. Raises NotAllowed.

    The caller has checked who asks.
    """
    if not may_act(member):
        sentence = _("{name} cannot take it over at the moment: the account is not active.")
        raise NotAllowed(sentence.format(name=member.name), "not_active")
    if (row := waiting(of)) is not None:
        if row.to_id == member.pk:
            return row
        sentence = _("{name} has already been asked. Withdraw that request first.")
        raise NotAllowed(sentence.format(name=row.to.name), "asked_already")
    _require_not_too_often(of, member)
    row = Transfer.objects.create(by=by, to=member, **_keys(of))
    audit.record(by, "transfer_asked", of, member.username)
    text = _("{name} asks you to take over {what}. Accept or decline on its page.")
    notify(member, _asked_kind(of), text.format(name=by.name, what=of), _link(of))
    return row


def take_back(of: Transferable, *, by: Member | None) -> None:
    """End the question that waits, if there is one. `by` is None where it ends with the event or community."""
    if (row := waiting(of)) is not None:
        _end(row, of, Transfer.Outcome.TAKEN_BACK)
        if by is not None:
            audit.record(by, "transfer_taken_back", of, row.to.username)


def decline(of: Transferable, *, by: Member) -> None:
    """Say no: nothing changes, and who asked is told. Raises NotAllowed."""
    row = _of(of, by)
    _end(row, of, Transfer.Outcome.DECLINED)
    audit.record(by, "transfer_declined", of, row.by.username)
    text = _("{name} declined to take over {what}. Nothing has changed.")
    notify(row.by, _answered_kind(of), text.format(name=by.name, what=of), _link(of))


def accept(of: Transferable, *, by: Member) -> Transfer | None:
    """Say yes; None where the member did so before. Both are told. Raises NotAllowed.

    The caller changes the roles: who asked stays in a community as a moderator, at an event as a co-host.
    """
    if asked(of, by) is None:
        latest = _rows(of).order_by("-pk").first()
        if latest is not None and latest.to_id == by.pk and latest.outcome == Transfer.Outcome.ACCEPTED:
            return None  # pressed twice
    row = _of(of, by)
    _end(row, of, Transfer.Outcome.ACCEPTED)
    audit.record(by, "transferred", of, f"from {row.by.username}")
    if isinstance(of, Community):
        given = _("{name} has taken over {what}. You stay as a moderator.")
        taken = _("{what} is yours now. {name} stays as a moderator.")
    else:
        given = _("{name} has taken over {what}. You stay as a co-host.")
        taken = _("{what} is yours now. {name} stays as a co-host.")
    notify(row.by, _answered_kind(of), given.format(name=by.name, what=of), _link(of))
    notify(by, _answered_kind(of), taken.format(name=row.by.name, what=of), f"{_link(of)}/manage")
    return row


def givers(of: Transferable) -> QuerySet[Member]:
    """Those who have given it to somebody else: who said no to them said no to what they made."""
    return Member.objects.filter(pk__in=_rows(of).filter(outcome=Transfer.Outcome.ACCEPTED).values("by"))


def _require_not_too_often(of: Transferable, member: Member) -> None:
    now = timezone.now()
    if _rows(of).filter(asked_at__gt=now - AGAIN_AFTER).count() >= MAX_A_DAY:
        sentence = ngettext(
            "{count} person was asked within a day. Try again tomorrow.",
            "{count} people were asked within a day. Try again tomorrow.",
            MAX_A_DAY,
        )
        raise NotAllowed(sentence.format(count=MAX_A_DAY), "too_many")
    refusals = list(_rows(of).filter(to=member, outcome=Transfer.Outcome.DECLINED).order_by("-pk")[:MAX_REFUSALS])
    if len(refusals) == MAX_REFUSALS:
        sentence = _("{name} said no twice, and cannot be asked again.")
        raise NotAllowed(sentence.format(name=member.name), "declined")
    if refusals and (refusals[0].ended_at or now) > now - AGAIN_AFTER:
        sentence = _("{name} said no. You can ask once more, a day after that.")
        raise NotAllowed(sentence.format(name=member.name), "declined")


def _of(of: Transferable, member: Member) -> Transfer:
    row = asked(of, member)
    if row is None:
        raise NotAllowed(_(NOT_ASKED), "not_asked")
    return row


def _end(row: Transfer, of: Transferable, outcome: Transfer.Outcome) -> None:
    Transfer.objects.filter(pk=row.pk).update(outcome=outcome, ended_at=timezone.now())
    settle(row.to, _asked_kind(of))


def _rows(of: Transferable) -> QuerySet[Transfer]:
    return Transfer.objects.filter(**_keys(of))


def _open(of: Transferable) -> QuerySet[Transfer]:
    return _rows(of).filter(outcome=Transfer.Outcome.OPEN)


def open_to(member: Any) -> QuerySet[Transfer]:
    """The questions that wait for this member, each with who asks; none of somebody who is suspended."""
    rows = Transfer.objects.filter(to=member, outcome=Transfer.Outcome.OPEN, by__is_active=True)
    return rows.filter(by__standing=Member.Standing.ACTIVE).select_related("by")


def _keys(of: Transferable) -> dict[str, Any]:
    return {"community" if isinstance(of, Community) else "event": of}


def _asked_kind(of: Transferable) -> str:
    """The kind of the notice about being asked."""
    return f"transfer:{of._meta.model_name}:{of.pk}"


def _answered_kind(of: Transferable) -> str:
    return f"transferred:{of._meta.model_name}:{of.pk}"


def _link(of: Transferable) -> str:
    return f"/{'communities' if isinstance(of, Community) else 'events'}/{of.slug}"
