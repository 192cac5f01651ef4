"""Stopping a host whose invitations are not wanted, before the whole site is thought of as a spammer's.

Whoever opts out after an invitation says that it was unwelcome. When too many of a host's last invitations end so, her
sending pauses until the operator has looked at it. The other breaker, a spam label on her account, is in
`spam_labels`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q

from elonara.invitations import notifications
from elonara.invitations.consent import pauses
from elonara.invitations.models import EmailInvitation, EmailOptOut, Invitation, OptOut, State
from elonara.members.models import Member
from elonara.members.notices import notify

SAMPLE_SIZE = 100  # invitations that count
COUNTED_STATES = (State.SENT, State.UNDOING, State.UNDONE)
PAUSE_REASON = "opt_outs"

log = logging.getLogger(__name__)


def after_opt_out(did: str, host: Member | None) -> None:
    """Somebody opted out, of one host or (None) of the site: look at those who had invited them. After the commit."""
    hosts = [host] if host is not None else _inviters(did)
    for one in hosts:
        _look_at(one)


def after_email_opt_out(address_hash: str, host: Member | None) -> None:
    """The same for somebody who wants no more letters."""
    letters = EmailInvitation.objects.filter(address_hash=address_hash).exclude(sent_at=None)
    for one in [host] if host is not None else Member.objects.filter(pk__in=letters.values("host")):
        _look_at(one)


def check_posts(host: Member) -> tuple[int, int]:
    """How many of the host's last hundred posts an opt-out followed, and how many there were."""
    rows = (
        Invitation.objects.filter(host=host, state__in=COUNTED_STATES)
        .exclude(sent_at=None)
        .order_by("-sent_at")[:SAMPLE_SIZE]
    )
    sent = {did: at for did, at in rows.values_list("invitee_did", "sent_at") if at is not None}
    outs = OptOut.objects.filter(Q(host=host) | Q(host=None), did__in=sent)
    unwelcome = {out.did for out in outs if out.created_at >= sent[out.did]}
    return len(unwelcome), len(rows)


def check_emails(host: Member) -> tuple[int, int]:
    """The same of her last hundred letters."""
    letters = EmailInvitation.objects.filter(host=host).exclude(sent_at=None).order_by("-sent_at")[:SAMPLE_SIZE]
    written = {who: at for who, at in letters.values_list("address_hash", "sent_at") if at is not None}
    stops = EmailOptOut.objects.filter(Q(host=host) | Q(host=None), address_hash__in=written)
    unread = {stop.address_hash for stop in stops if stop.created_at >= written[stop.address_hash]}
    return len(unread), len(letters)


def _look_at(host: Member) -> None:
    # Each apart: letters that nobody minds do not make posts welcome, nor the other way round.
    for unwelcome, sent in (check_posts(host), check_emails(host)):
        if _too_many(unwelcome, sent):
            _pause(host, unwelcome, sent)
            return


def _too_many(unwelcome: int, sent: int) -> bool:
    limits = settings.ELONARA.invitations
    enough = limits.opt_outs_to_pause > 0 and unwelcome >= limits.opt_outs_to_pause
    return enough and unwelcome * 100 >= limits.opt_out_percent_to_pause * sent


def _pause(host: Member, unwelcome: int, sent: int) -> None:
    if not pauses.pause_host(host, PAUSE_REASON):
        return
    log.warning("sending of member %s paused: %d of the last %d opted out", host.pk, unwelcome, sent)
    notifications.needs_host(host, PAUSE_REASON)
    text = f"Sending for {host.name} is paused: {unwelcome} of the last {sent} invited people asked not to be invited."
    for operator in Member.objects.filter(is_superuser=True, is_active=True):
        notify(operator, f"paused {host.pk}", text, f"{settings.ELONARA.site.url}/admin/jobs/")


def _inviters(did: str) -> Iterable[Member]:
    ids = Invitation.objects.filter(invitee_did=did, state__in=COUNTED_STATES).values("host")
    return Member.objects.filter(pk__in=ids)
