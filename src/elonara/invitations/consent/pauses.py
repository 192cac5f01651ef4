"""Whether a host may send at all: pausing and resuming her sending, and approving her for the relay.

The relay is the site's own account, which posts for hosts who cannot post from theirs.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import MemberIdentity
from elonara.invitations.account_models import SendingAccount
from elonara.invitations.consent import accounts
from elonara.invitations.job_kinds import wake_email, wake_lane
from elonara.invitations.models import EmailInvitation, EmailState, HostSending, State
from elonara.invitations.results import InvitationRefused
from elonara.invitations.states import PENDING
from elonara.invitations.transitions import MODELS
from elonara.members import audit
from elonara.members.models import Member
from elonara.members.standing import require_operator

SPAM_REASON = accounts.SPAM_REASON
BY_OPERATOR = "operator"
PAUSE_REASONS = (SPAM_REASON, "opt_outs", BY_OPERATOR)  # values of HostSending.pause_reason
# Labels with which Bluesky says that an account spams, or hides it from everybody.
SPAM_LABELS = frozenset({"spam", "!hide"})
TAKEN_DOWN_LABEL = "!takedown"  # no judgement about what was sent: posts wait until it is lifted


def of_emails(host_id: int) -> str:
    """Why the e-mails of a host wait, "" where they do not.

    A spam label concerns her Bluesky account and does not stop her e-mails.
    """
    paused = HostSending.objects.filter(host=host_id).exclude(paused_at=None).first()
    return paused.pause_reason if paused is not None and paused.pause_reason != SPAM_REASON else ""


def resume_sending(host: Member, by: Member) -> None:
    """Resume a paused host's sending. Raises InvitationRefused.

    The host herself may end a pause for a spam label; while the label exists not even the operator may.
    """
    found = HostSending.objects.filter(host=host).exclude(paused_at=None).first()
    if found is None:
        return
    _require_may_resume(found, by)
    if found.pause_reason == SPAM_REASON:
        _require_no_label(host, by)
    with transaction.atomic():
        account = accounts.lock(host)
        sending = HostSending.objects.select_for_update().filter(host=host).exclude(paused_at=None).first()
        if sending is None:
            return
        _require_may_resume(sending, by)  # asked again: the reason may have changed meanwhile
        hosts = accounts.members_of(host)
        HostSending.objects.filter(host__in=hosts).update(paused_at=None, pause_reason="")
        account.paused_at, account.pause_reason = None, ""
        account.save(update_fields=["paused_at", "pause_reason"])
        audit.record(by, "sending_resumed", host, _("paused for: {reason}").format(reason=found.pause_reason))
        # Rows that were postponed or queued during the pause are polled now, and not only in an hour.
        now = timezone.now()
        for model in MODELS:
            held = model.objects.filter(host__in=hosts, reason__in=PAUSE_REASONS)
            held.filter(state=State.QUEUED).update(next_attempt_at=now, reason="")
            held.filter(state=State.WAITING).update(next_attempt_at=now)
            _wake(model.objects.filter(host__in=hosts, state__in=PENDING))
        _resume_emails(hosts)


def pause_sending(host: Member, by: Member) -> bool:
    """Pause a host's sending. False: it was paused already, and time and reason stay. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        paused = pause_host(host, BY_OPERATOR)
        if paused:
            audit.record(by, "sending_paused", host)
    return paused


def pause_host(host: Member, reason: str) -> bool:
    """Pause a host's sending until it is resumed; posts are still undone. False: it was paused already.

    Her account is paused with it, and every other member who shares it.
    """
    with transaction.atomic():
        account, pause = accounts.lock(host), {"paused_at": timezone.now(), "pause_reason": reason}
        hosts = accounts.members_of(host)
        for member in hosts:
            HostSending.objects.get_or_create(host_id=member)
        running = Q(paused_at=None)
        if reason != SPAM_REASON:
            # A host may end a pause for a spam label herself; a stronger reason must not end with it.
            running |= Q(pause_reason=SPAM_REASON)
        SendingAccount.objects.filter(running, pk=account.pk).update(**pause)
        return HostSending.objects.filter(running, host__in=hosts).update(**pause) > 0


def approve_relay(host: Member, by: Member) -> None:
    """Let a host post through the relay, and poll what waited for that now. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        HostSending.objects.get_or_create(host=host)
        if HostSending.objects.filter(host=host, relay_approved=False).update(relay_approved=True):
            audit.record(by, "relay_approved", host)
        for model in MODELS:
            waiting = model.objects.filter(host=host, state=State.WAITING)
            waiting.update(next_attempt_at=timezone.now())
            _wake(waiting)


def withdraw_relay(host: Member, by: Member) -> None:
    """Stop a host from posting through the relay. Raises NotAllowed."""
    require_operator(by)
    with transaction.atomic():
        if HostSending.objects.filter(host=host, relay_approved=True).update(relay_approved=False):
            audit.record(by, "relay_withdrawn", host)


def _require_may_resume(sending: HostSending, by: Member) -> None:
    if not by.is_superuser and not (by.pk == sending.host_id and sending.pause_reason == SPAM_REASON):
        raise InvitationRefused("not_allowed", _("Only the operator of this site can let it go on."))


def _require_no_label(host: Member, by: Member) -> None:
    """Raises InvitationRefused unless Bluesky's label is gone. Asks the network: cached labels may be minutes old."""
    dids = list(MemberIdentity.objects.filter(member=host).values_list("bsky_did", flat=True))
    if not dids and not by.is_superuser:
        raise InvitationRefused("not_connected")  # without the link nobody can look at the account's label
    for did in dids:
        try:
            labels = graph_service.current().labels(did)
        except GraphUnavailable as fault:
            sentence = _("Bluesky did not say whether its label is gone. Try again in a few minutes.")
            raise InvitationRefused("graph_unavailable", sentence, way_on="") from fault
        if SPAM_LABELS.intersection(labels):
            raise InvitationRefused(SPAM_REASON)
        if TAKEN_DOWN_LABEL in labels:
            raise InvitationRefused("account_takendown")


def _wake(rows: QuerySet[Any]) -> None:
    for did in set(rows.values_list("author_did", flat=True)):
        wake_lane(did)


def _resume_emails(hosts: set[int]) -> None:
    """Poll the e-mail invitations that a pause held back; inside a transaction."""
    held = EmailInvitation.objects.filter(host__in=hosts, state=EmailState.QUEUED, reason__in=list(PAUSE_REASONS))
    ids = list(held.values_list("pk", flat=True))
    held.filter(pk__in=ids).update(due_at=timezone.now(), reason="")
    for pk in ids:
        wake_email(pk)
