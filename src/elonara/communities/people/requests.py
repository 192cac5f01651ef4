"""Asking to join a community, as approval is for guests of an event: accepted or declined, with a word if one likes.

Who was declined cannot ask again: an admin or moderator who changes their mind accepts her. Every decision locks the
community's row and changes the request only while it is undecided, so of two decisions, or one and a withdrawal, at the
same moment the first counts and the others are told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.communities import bars
from elonara.communities.memberships import HIDDEN, NOBODY_JOINS, join, lock
from elonara.communities.models import Community, Joining, JoinRequest, Visibility
from elonara.communities.people.notices import answered_kind, link, tell_of_requests
from elonara.communities.principals import principal_of
from elonara.communities.queries import may_invite, role_of
from elonara.communities.validation import many_lines, too_long
from elonara.members import audit
from elonara.members.actions import notify, require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member
from elonara.members.queries import may_act

OPEN, ACCEPTED = JoinRequest.Outcome.OPEN, JoinRequest.Outcome.ACCEPTED
DECLINED, WITHDRAWN = JoinRequest.Outcome.DECLINED, JoinRequest.Outcome.WITHDRAWN
MAX_WORD_LENGTH: Final = 500
MAX_ANSWER_LENGTH: Final = 300  # with the names before it, it fits into a notice
MAX_A_DAY: Final = 3  # requests of one member to one community: each of them is a notice for several people
ACCEPTED_YOU: Final = gettext_noop("You are in: {community} accepted your request.")
DECIDED: Final = gettext_noop("This was decided already, or the request was withdrawn.")


def ask(community: Community, *, by: Member, word: str = "") -> JoinRequest:
    """Ask to join, with a word to its admins and moderators. Asking twice changes nothing.

    Raises NotAllowed and Invalid.
    """
    require_active(by)
    text = _checked(word, _("Your message"), MAX_WORD_LENGTH)
    with transaction.atomic():
        locked = lock(community)
        _require_askable(locked, by)
        row = mine(locked, by)
        if row is not None and row.outcome == OPEN:
            return row
        lately = JoinRequest.objects.filter(
            community=locked, member=by, asked_at__gt=timezone.now() - timedelta(days=1)
        )
        if lately.count() >= MAX_A_DAY:
            sentence = ngettext(
                "You have asked {count} time within a day. Try again tomorrow.",
                "You have asked {count} times within a day. Try again tomorrow.",
                MAX_A_DAY,
            )
            raise NotAllowed(sentence.format(count=MAX_A_DAY), "too_many")
        row = JoinRequest.objects.create(community=locked, member=by, word=text)
        tell_of_requests(locked, by)
        return row


def withdraw(community: Community, *, by: Member) -> None:
    """Take one's own request back; nothing where none waits."""
    with transaction.atomic():
        locked = lock(community)
        if _open(locked).filter(member=by).update(outcome=WITHDRAWN, ended_at=timezone.now()):
            tell_of_requests(locked)


def accept(community: Community, *, by: Member, request_id: Any, word: str = "") -> JoinRequest:
    """Accept somebody who asked, or was declined. Raises NotAllowed and Invalid."""
    answer = _checked(word, _("Your message"), MAX_ANSWER_LENGTH)
    with transaction.atomic():
        locked = _opened(community, by)
        decision = {"outcome": ACCEPTED, "by": by, "answer": answer}
        row = _decide(locked, request_id, decision, of=(OPEN, DECLINED))
        if not may_act(row.member):
            sentence = _("The account of {name} is not active at the moment.").format(name=row.member.name)
            raise NotAllowed(sentence, "not_active")
        _let_in(locked, row)
        audit.record(by, "join_accepted", locked, row.member.username)
        _tell(locked, row, _(ACCEPTED_YOU).format(community=locked.name))
        return row


def decline(community: Community, *, by: Member, request_id: Any, word: str = "") -> JoinRequest:
    """Decline somebody who asked. Raises NotAllowed and Invalid."""
    answer = _checked(word, _("Your message"), MAX_ANSWER_LENGTH)
    with transaction.atomic():
        locked = _opened(community, by)
        decision = {"outcome": DECLINED, "by": by, "answer": answer}
        row = _decide(locked, request_id, decision, of=(OPEN,))
        audit.record(by, "join_declined", locked, row.member.username)
        sentence = _("The admins of {community} declined your request to join.")
        _tell(locked, row, sentence.format(community=locked.name))
        return row


def admit(community: Community) -> int:
    """Where nobody has to ask any more: who asked is in, but for people who were removed. How many.

    `community` is locked, and public: a private one is joined by invitation alone.
    """
    admitted = 0
    for row in _open(community).select_related("member").order_by("asked_at", "pk"):
        if may_act(row.member) and not bars.is_removed(community, principal_of(row.member)):
            row.outcome, row.ended_at = ACCEPTED, timezone.now()
            row.save(update_fields=["outcome", "ended_at"])
            _let_in(community, row)
            _tell(community, row, _(ACCEPTED_YOU).format(community=community.name))
            admitted += 1
    if admitted:
        tell_of_requests(community)
    return admitted


def end_all(community: Community) -> None:
    """End what waits, because the community is closed or private now. `community` is locked."""
    if _open(community).update(outcome=JoinRequest.Outcome.ENDED, ended_at=timezone.now()):
        tell_of_requests(community)


def mine(community: Community, member: Member | None) -> JoinRequest | None:
    """The member's request that waits or was declined; None where she has none."""
    if member is None:
        return None
    rows = JoinRequest.objects.filter(community=community, member=member)
    return rows.filter(outcome__in=(OPEN, DECLINED)).order_by("outcome", "-pk").first()


def waiting(community: Community) -> QuerySet[JoinRequest]:
    """Who waits for a decision, in the order of asking, with members and Bluesky identities."""
    return _open(community).select_related("member__bluesky").order_by("asked_at", "pk")


def declined(community: Community) -> QuerySet[JoinRequest]:
    """Who was declined, the latest first, with members and Bluesky identities."""
    rows = JoinRequest.objects.filter(community=community, outcome=DECLINED)
    return rows.select_related("member__bluesky").order_by("-ended_at", "-pk")


def _require_askable(community: Community, by: Member) -> None:
    if role_of(community, by) is not None:
        sentence = _("You are already a member of {community}.")
        raise NotAllowed(sentence.format(community=community.name), "member")
    if community.closed_at:
        raise NotAllowed(_(NOBODY_JOINS), "closed")
    if community.hidden_at:
        raise NotAllowed(_(HIDDEN), "hidden")
    if community.visibility == Visibility.PRIVATE:
        raise NotAllowed(_("This community is private. Ask one of its admins for an invitation."), "private")
    person = principal_of(by)
    row = mine(community, by)
    if row is not None and row.outcome == DECLINED:
        raise NotAllowed(_(bars.DECLINED), "declined")
    if community.joining == Joining.OPEN and not bars.is_removed(community, person):
        sentence = _("You do not need to ask: anyone can join {community}.")
        raise NotAllowed(sentence.format(community=community.name), "open")


def _opened(community: Community, by: Member) -> Community:
    require_active(by)
    locked = lock(community)
    if not may_invite(locked, by):
        sentence = _("Only admins and moderators of {community} decide who joins.")
        raise NotAllowed(sentence.format(community=community.name), "not_moderator")
    if locked.hidden_at is not None:
        raise NotAllowed(_(HIDDEN), "hidden")
    if locked.closed_at is not None:
        raise NotAllowed(_(NOBODY_JOINS), "closed")
    return locked


def _decide(community: Community, request_id: Any, decision: dict[str, Any], *, of: Sequence[str]) -> JoinRequest:
    """Store a decision about a request whose outcome is one `of` these. Raises NotAllowed where it is none any more."""
    found = JoinRequest.objects.filter(community=community, pk=request_id)
    if not found.filter(outcome__in=of).update(**decision, ended_at=timezone.now()):
        raise NotAllowed(_(DECIDED), "not_asked")
    tell_of_requests(community)
    return found.select_related("member", "by").get()


def _let_in(community: Community, row: JoinRequest) -> None:
    join(community, member=row.member, invited=True, invited_at=timezone.now())


def _tell(community: Community, row: JoinRequest, sentence: str) -> None:
    if row.answer:
        sentence = _("{sentence} “{word}”").format(sentence=sentence, word=row.answer)
    notify(row.member, answered_kind(community), sentence, link(community))


def _open(community: Community) -> QuerySet[JoinRequest]:
    return JoinRequest.objects.filter(community=community, outcome=OPEN)


def _checked(word: str, label: str, most: int) -> str:
    text = many_lines(word)
    if sentence := too_long(label, text, most):
        raise Invalid({"word": sentence})
    return text
