"""Everything that can be done with invitations by post. Pages and API call these functions and no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from django.utils.translation import ngettext

from elonara.bluesky.identity.people import Person
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import previews, reasons
from elonara.invitations.consent import caps, sending_days
from elonara.invitations.consent.pauses import approve_relay, pause_sending, resume_sending, withdraw_relay
from elonara.invitations.models import Voice
from elonara.invitations.people import stored
from elonara.invitations.planning import compose, drafts, queueing
from elonara.invitations.planning.drafts import Draft, PickView
from elonara.invitations.planning.plan import SendPlan, plan_send
from elonara.invitations.previews import PostPreview
from elonara.invitations.responses import host as host_actions
from elonara.invitations.responses.corrections import post_update, take_back
from elonara.invitations.responses.host import (
    cancel,
    cancel_all,
    confirm,
    confirm_all,
    hand_over,
    retry,
    retry_all,
    undo,
)
from elonara.invitations.responses.invitee import (
    opt_in_again,
    opt_out,
    relay_opt_in,
    relay_opt_out,
    report,
    respond,
    withdraw_opt_out,
)
from elonara.invitations.responses.reports import (
    Reporter,
    handle_report,
    hide_reported,
    report_event,
    unhide_reported,
)
from elonara.invitations.results import InvitationRefused, Preview, Sent
from elonara.invitations.targets import Target
from elonara.members.models import Member

__all__ = [
    "BlueskyInvitationService",
    "InvitationRefused",
    "Reporter",
    "approve_relay",
    "cancel",
    "cancel_all",
    "choose",
    "confirm",
    "confirm_all",
    "drop_draft",
    "hand_over",
    "handle_report",
    "hide_reported",
    "invite",
    "opt_in_again",
    "opt_out",
    "pause_sending",
    "post_update",
    "preview",
    "relay_opt_in",
    "relay_opt_out",
    "report",
    "report_event",
    "respond",
    "resume_sending",
    "retry",
    "retry_all",
    "take_back",
    "undo",
    "unhide_reported",
    "withdraw_opt_out",
    "withdraw_relay",
    "write_draft",
]


def preview(
    host: Member,
    to: Event | Community,
    dids: Sequence[str],
    *,
    note: str = "",
    lines: Mapping[str, str] | None = None,
    thread: bool = True,
    sentence: str = "",
    unasked: Mapping[str, Person] | None = None,
) -> Preview:
    """The exact posts, who is skipped, and on which days the posts would go. Writes nothing.

    `dids` are DIDs or handles; `lines` maps some of them to a personal line. `sentence` stands between the mention and
    the link in place of ours ("": ours). With `unasked`, people by DID as they were known before, Bluesky is asked
    nothing and Send is refused: for a page whose servers do not answer. Raises InvitationRefused.
    """
    plan = plan_send(host, Target(to), dids, note=note, lines=lines, thread=thread, sentence=sentence, unasked=unasked)
    days = caps.days_for(host, len(plan.invitations), relay=plan.voice == Voice.RELAY)
    today, later, schedule = caps.schedule_in_words(days, sending_days.today(host))
    posts = [
        one.post.preview(did=one.person.did, handle=one.person.handle, name=one.person.name, avatar=one.person.avatar)
        for one in plan.invitations
    ]
    ends = plan.target.ends
    warnings = list(plan.warnings)
    late = sum(number for day, number in later if ends is not None and sending_days.start_of_day(host, day) >= ends)
    if late:
        warnings.append(
            ngettext(
                "{count} would go out only after the event is over, and will not be sent.",
                "{count} would go out only after the event is over, and will not be sent.",
                late,
            ).format(count=late)
        )
    return Preview(
        readiness=plan.ready,
        announcement=_announcement(plan),
        posts=posts,
        skipped=plan.skipped,
        today=today,
        later=later,
        warnings=warnings,
        note_room=min((post.room for post in posts), default=0),
        usual_sentence=compose.usual_sentence(plan.target),
        sentence_room=plan.sentence_room,
        schedule=schedule,
        refusal=_refusal(plan) if unasked is None else replace(reasons.reason("graph_unavailable"), way_on=""),
        preview_id=str(plan.fingerprint(plan.invitations, plan.above)),
    )


def invite(
    host: Member,
    to: Event | Community,
    dids: Sequence[str],
    *,
    note: str = "",
    lines: Mapping[str, str] | None = None,
    thread: bool = True,
    sentence: str = "",
    alone_if_gone: bool = False,
    idempotency_key: str = "",
    preview_id: str | None = None,
) -> Sent:
    """Write one row per person and wake the workers, which post them later.

    With a `preview_id` (`Preview.preview_id`) exactly what that preview showed is sent: somebody may be left out since,
    and a cap may move a post to a later day, but any other difference refuses the whole (`preview_changed`).

    `alone_if_gone`: if the announcement is deleted on Bluesky meanwhile, the rest goes as posts of their own, unasked.

    A host's call with a known `idempotency_key` (≤ 100 characters) writes nothing and returns the first outcome. Raises
    InvitationRefused; somebody who may not be invited is skipped, not refused.
    """
    target, key = Target(to), idempotency_key.strip()[:100]
    if (before := queueing.earlier_outcome(host, target, key)) is not None:
        return before
    plan = plan_send(host, target, dids, note=note, lines=lines, thread=thread, sentence=sentence)
    if (refusal := _refusal(plan)) is not None:
        raise InvitationRefused(refusal.code, refusal.sentence)
    return queueing.write(plan, key, preview_id, alone_if_gone=alone_if_gone)


def _announcement(plan: SendPlan) -> PostPreview | None:
    if plan.announcement is None or plan.above is None:
        return None
    if plan.above == plan.announcement.record:
        return plan.announcement.preview()
    return previews.of_record(plan.above, has_thumb=plan.announcement.card.has_thumb)


def choose(
    host: Member,
    to: Event | Community,
    add: Collection[str],
    remove: Collection[str] = (),
    *,
    view: PickView | None = None,
    shown: Collection[Person] = (),
) -> Draft:
    """Add DIDs to what the host has chosen and take others out, whatever other devices change; the draft then.

    Names come from the stored graph, and from `shown` for those who are not in it. `view`: what the picker shows now.
    Raises InvitationRefused where she may not invite.
    """
    known = {person.did: person for person in shown} | (stored.people(host.pk, add) if add else {})
    names = {did: (known[did].name, known[did].handle) if did in known else ("", "") for did in add}
    return drafts.choose(host, Target(to), names, remove, view)


def write_draft(host: Member, to: Event | Community, draft: Draft) -> None:
    """Store what the host has written so far. Raises InvitationRefused where she may not invite."""
    drafts.write(host, Target(to), draft)


def drop_draft(host: Member, to: Event | Community) -> None:
    """Delete the host's own draft, after it was sent."""
    drafts.drop(host, Target(to))


def _refusal(plan: SendPlan) -> reasons.Reason | None:
    if not plan.ready.may_send:
        return reasons.reason(plan.ready.reason)
    # Blocks and mutes are unknown only without a session of the host's. Whoever she chose would be left out, though
    # nothing speaks against them.
    unknown = any(one.reason == "view_unknown" for one in plan.skipped)
    return reasons.reason("session_ended") if unknown else None


class BlueskyInvitationService:
    """The same actions as one object: the agreed name for other programs of the site's owner, which get a service.

    Pages and API call the functions. Nothing in this repository calls the class, and it has no code of its own.
    """

    preview = staticmethod(preview)
    invite = staticmethod(invite)
    retry = staticmethod(host_actions.retry)
    confirm = staticmethod(host_actions.confirm)
    cancel = staticmethod(host_actions.cancel)
    undo = staticmethod(host_actions.undo)
    hand_over = staticmethod(host_actions.hand_over)
    respond = staticmethod(respond)
    opt_out = staticmethod(opt_out)
    opt_in_again = staticmethod(opt_in_again)
    report = staticmethod(report)
