"""Posts that are out and do not hold any more: what the host reads of them, posting the update, taking them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.atproto.tid import new_tid
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import previews
from elonara.invitations.consent import caps
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import ON_ITS_WAY, Announcement, Correction, Invitation, State, Voice
from elonara.invitations.planning import corrections, fingerprint
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.corrections import CorrectionPlan
from elonara.invitations.planning.plan import require_inviter
from elonara.invitations.planning.queueing import reset_for_requeue
from elonara.invitations.planning.standing import (
    differs,
    in_words,
    no_longer_true,
    number_of,
    standing,
    told,
)
from elonara.invitations.previews import PostPreview
from elonara.invitations.responses.host import undo
from elonara.invitations.results import InvitationRefused, PostingReadiness
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target
from elonara.invitations.transitions import Deliverable, apply, certainly_absent
from elonara.members.models import Member


@dataclass(frozen=True)
class OnBluesky:
    """The posts about a target that are on Bluesky or may be, and not on their way back."""

    announcements: int = 0
    invitations: int = 0
    updates: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.announcements + self.invitations + self.updates

    @property
    def in_words(self) -> str:
        """`the announcement, 9 invitations and 1 update`; "" for none."""
        parts = [
            (self.announcements, ngettext("the announcement", "{count} announcements", self.announcements)),
            (self.invitations, ngettext("{count} invitation", "{count} invitations", self.invitations)),
            (self.updates, ngettext("{count} update", "{count} updates", self.updates)),
        ]
        return get_text_list([part.format(count=count) for count, part in parts if count], _("and"))


@dataclass(frozen=True)
class PostsNotice:
    """What the pages say about posts that do not hold any more.

    `why`: outdated (they tell old facts), private (they name what is private now), or why the target is over.
    `words` says what is old in them. Without an `update`, `others` names the hosts who alone can post one.
    """

    why: str
    count: int
    words: str = ""
    update: PostPreview | None = None
    preview_id: str = ""
    above: str = ""  # the text of the announcement that the update replies to, "" for a post of its own
    ready: PostingReadiness | None = None
    others: tuple[str, ...] = ()


def on_bluesky(to: Event | Community, *, naming: bool = False) -> OnBluesky:
    """How many posts about it stand, or may; with `naming` only those that name it."""
    target = Target(to)
    if not naming:
        numbers = number_of(target)
        return OnBluesky(numbers[Announcement], numbers[Invitation], numbers[Correction])
    named: Counter[type[Deliverable]] = Counter()
    for one in told(target, certain=False):
        named[one.model] += one.number if one.names_target else 0
    return OnBluesky(named[Announcement], named[Invitation], named[Correction])


def to_take_back(to: Event | Community) -> OnBluesky:
    """What `take_back` takes back in the state of now: all where the target is over, else what does not hold."""
    return _counted(_to_take_back(Target(to), only_wrong=not Target(to).over()))


def _counted(rows: Sequence[Deliverable]) -> OnBluesky:
    numbers = [sum(isinstance(row, model) for row in rows) for model in (Announcement, Invitation, Correction)]
    return OnBluesky(*numbers)


def notice(to: Event | Community, by: Member) -> PostsNotice | None:
    """What the host has to know about the posts that are out; None where they all hold. Raises InvitationRefused."""
    target = Target(to)
    if not target.may_invite(by):
        raise InvitationRefused("not_allowed")
    posts = told(target)
    over = target.over()
    if over and over != "event_over":
        return PostsNotice(over, sum(one.number for one in posts)) if posts else None
    wrong = corrections.uncorrected(posts, target, corrections.last_words(target))
    count = sum(one.number for own in wrong.values() for one in own)
    if not count or over:
        return None
    if target.is_private:
        return PostsNotice("private", count)
    facts = frozenset(name for own in wrong.values() for one in own for name in one.wrong)
    others = wrong.keys() - {by.pk}
    names = tuple(other.name for other in Member.objects.filter(pk__in=others).order_by("pk")) if others else ()
    said = PostsNotice("outdated", count, in_words(facts, target.kind), others=names)
    ready = posting_readiness.readiness(by)
    plan = corrections.plan_update(by, target, ready, wrong.get(by.pk, ()))
    if plan is None:
        return said
    shown = plan.post.preview() if plan.record == plan.post.record else previews.of_record(plan.record)
    above = plan.announcement.record["text"] if plan.announcement else ""
    return replace(said, update=shown, preview_id=plan.preview_id, above=above, ready=ready)


def post_update(to: Event | Community, by: Member, preview_id: str | None = None) -> Correction:
    """Queue one post that tells what has changed; once for each change, however often it is pressed.

    With a `preview_id` (`PostsNotice.preview_id`) exactly what was shown is posted, or nothing. Raises
    InvitationRefused: who may not invite, nothing to tell, not ready, an earlier one that is just being sent or undone.
    """
    require_inviter(by, Target(to))
    ready = posting_readiness.readiness(by)
    if not ready.may_send:
        raise InvitationRefused(ready.reason)
    relay = posting_readiness.voice_for(ready) == Voice.RELAY
    with transaction.atomic():
        caps.lock(by, ready.author_did if relay else "")  # serializes her presses too
        target = Target(type(to)._default_manager.get(pk=to.pk))
        before = corrections.last_words(target).get(by.pk)
        if before is not None and not differs(before.facts, target):
            return before
        wrong = corrections.uncorrected(told(target), target, {})
        plan = corrections.plan_update(by, target, ready, wrong.get(by.pk, ()))
        if plan is None:
            raise InvitationRefused("wrong_state")
        fingerprint.require_one(preview_id, plan.preview_id)
        _end_earlier(by, target)
        row = _stored(plan, by, ready)
        wake_lane(row.author_did)
    return row


def take_back(to: Event | Community, by: Member, *, only_wrong: bool) -> int:
    """Begin to undo the posts that are out or may be: all, or only those that do not hold any more. Returns how many.

    An announcement that posts which hold reply to stays above them. Raises InvitationRefused for somebody who may
    stop none of them.
    """
    target = Target(to)
    rows = _to_take_back(target, only_wrong=only_wrong)
    may = target.may_invite(by)
    mine = [row for row in rows if may or row.host_id == by.pk]
    if not may and not mine:
        raise InvitationRefused("not_allowed")
    # Replies first: what hangs below an announcement is let go of when that is undone.
    mine.sort(key=lambda row: isinstance(row, Announcement))
    return sum(_begun(row, by) for row in mine)


def _to_take_back(target: Target, *, only_wrong: bool) -> list[Deliverable]:
    rows = standing(target)
    if not only_wrong:
        return rows
    wrong = {row.pk for row in rows if no_longer_true(row, target)}
    held = {row.announcement_id for row in rows if not isinstance(row, Announcement) and row.pk not in wrong}
    return [row for row in rows if row.pk in wrong and row.pk not in held]


def _begun(row: Deliverable, by: Member) -> bool:
    try:
        undo(row, by)
    except InvitationRefused:
        return False  # changed meanwhile; the page shows how it stands
    return True


def _end_earlier(by: Member, target: Target) -> None:
    """Never two at once: one that waits ends, and one that is being written or deleted is waited for."""
    rows = Correction.objects.select_for_update().filter(host=by, **target.only)
    if rows.filter(state=State.UNDOING, undo_confirmations=0).exists():
        raise InvitationRefused("still_undoing")
    for row in rows.filter(state__in=ON_ITS_WAY):
        if not certainly_absent(row) or not apply(row, Transition.CANCEL, reason="changed", counted_on=None):
            raise InvitationRefused("update_under_way")


def _stored(plan: CorrectionPlan, by: Member, ready: PostingReadiness) -> Correction:
    row, now = plan.again, timezone.now()
    if row is None:
        row = Correction(host=by, rkey=new_tid(), queued_at=now, next_attempt_at=now, **plan.target.keys)
        row.state, row.reason = (State.QUEUED, "") if ready.can_post else (State.WAITING, ready.reason)
    else:
        reset_for_requeue(row, ready=ready.can_post, reason=ready.reason, at=now)
    if certainly_absent(row):
        if row.author_did != plan.author_did:
            row.author_did, row.rkey = plan.author_did, new_tid()
        row.voice, row.record, row.announcement = plan.voice, dict(plan.record), plan.announcement
        row.changed, row.facts = list(plan.changed), plan.target.facts
        row.text_limit = posting_readiness.text_limit_of(row.author_did)
    caps.reserve(row)
    row.save()
    return row
