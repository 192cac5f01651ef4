"""Who may send at all: the operator pauses hosts, lets them go on, and lends them the site's own account."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import MemberIdentity
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.invitations.outbox import prechecks
from elonara.invitations.results import InvitationRefused
from elonara.invitations.transitions import wake
from elonara.members.models import Member
from elonara.members.standing import require_operator

MODELS = (Announcement, Invitation)
BY_OPERATOR = "operator"  # the reason of her own pauses


def resume_sending(host: Member, by: Member) -> None:
    """Let a paused host's rows go on. A pause by label she may end herself; it ends for nobody before the label does.

    Raises InvitationRefused.
    """
    found = HostSending.objects.filter(host=host).exclude(paused_at=None).first()
    if found is None:
        return
    _require_may_resume(found, by)
    if found.pause_reason == prechecks.SPAM_REASON:
        _require_clean(host)
    with transaction.atomic():
        sending = HostSending.objects.select_for_update().filter(host=host).exclude(paused_at=None).first()
        if sending is None:
            return
        _require_may_resume(sending, by)  # paused for another reason in between
        sending.paused_at, sending.pause_reason = None, ""
        sending.save(update_fields=["paused_at", "pause_reason"])
        # What was put off or pressed during the pause is looked at now, and not in an hour.
        now = timezone.now()
        for model in MODELS:
            held = model.objects.filter(host=host, reason__in=prechecks.PAUSE_REASONS)
            held.filter(state=State.QUEUED).update(next_attempt_at=now, reason="")
            held.filter(state=State.WAITING).update(next_attempt_at=now)
        _wake(Invitation.objects.filter(host=host, state__in=(State.QUEUED, State.WAITING)))
        email_inviting.resume(host, prechecks.PAUSE_REASONS)


def pause_sending(host: Member, by: Member) -> bool:
    """Stop a host's sending. False: it was stopped already, and when and why stay as they are. Raises NotAllowed."""
    require_operator(by)
    return prechecks.pause_host(host, BY_OPERATOR)


def approve_relay(host: Member, by: Member) -> None:
    """Let a host post through the site's own account; what waited for that is looked at now. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        HostSending.objects.update_or_create(host=host, defaults={"relay_approved": True})
        for model in MODELS:
            waiting = model.objects.filter(host=host, state=State.WAITING)
            waiting.update(next_attempt_at=timezone.now())
            _wake(waiting)


def withdraw_relay(host: Member, by: Member) -> None:
    """Let a host post through the site's own account no more. Raises NotAllowed."""
    require_operator(by)
    HostSending.objects.filter(host=host).update(relay_approved=False)


def _require_may_resume(sending: HostSending, by: Member) -> None:
    if not by.is_superuser and not (by.pk == sending.host_id and sending.pause_reason == prechecks.SPAM_REASON):
        raise InvitationRefused("not_allowed", "Only the operator of this site can let it go on.")


def _require_clean(host: Member) -> None:
    """Look whether Bluesky's label is gone. Here, as any worker may remember that there was none ten minutes ago."""
    for did in MemberIdentity.objects.filter(member=host).values_list("bsky_did", flat=True):
        try:
            labels = graph_service.current().labels(did)
        except GraphUnavailable as fault:
            sentence = "Bluesky did not say whether its label is gone. Try again in a few minutes."
            raise InvitationRefused("graph_unavailable", sentence) from fault
        if prechecks.SPAM_LABELS.intersection(labels):
            raise InvitationRefused(prechecks.SPAM_REASON)


def _wake(rows: QuerySet[Any]) -> None:
    for did in set(rows.values_list("author_did", flat=True)):
        wake(did)
