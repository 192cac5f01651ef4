"""The circuit breaker for opt-outs: a host whose invitations many people opt out after is paused.

Somebody who opts out after an invitation did not want it. When that happens to too many of a host's last invitations,
her sending pauses until the operator has looked into it, before Bluesky or mail servers treat the whole site as a
spammer. The other circuit breaker, a spam label on the posting account, is in `spam_labels`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext as _

from elonara.invitations import notifications
from elonara.invitations.consent import accounts, pauses
from elonara.invitations.models import EmailInvitation, Invitation, State
from elonara.invitations.opt_out_models import EmailOptOut, OptOut
from elonara.members.models import Member
from elonara.members.notices import notify

SAMPLE_SIZE = 100  # the last invitations of a host that are examined
COUNTED_STATES = (State.SENT, State.UNDOING, State.UNDONE)
PAUSE_REASON = "opt_outs"

log = logging.getLogger(__name__)


def after_opt_out(did: str, host: Member | None) -> None:
    """Check the hosts who had invited somebody who opted out of one host or (None) of the site. After the commit."""
    for inviter in [host] if host is not None else _inviters(did):
        _check(inviter)


def after_email_opt_out(address_hash: str, host: Member | None) -> None:
    """The same for somebody who opted out of e-mail invitations."""
    emails = EmailInvitation.objects.filter(address_hash=address_hash).exclude(sent_at=None)
    for inviter in [host] if host is not None else Member.objects.filter(pk__in=emails.values("host")):
        _check(inviter)


def check_posts(host: Member) -> tuple[int, int]:
    """How many of the host's last `SAMPLE_SIZE` posts were followed by an opt-out, and how many posts there were."""
    # "IS NOT NULL", not "NOT (… IS NULL)": SQLite uses the index of sent rows for the former alone.
    found = Invitation.objects.filter(host__in=accounts.members_of(host), sent_at__isnull=False)
    found = found.filter(state__in=COUNTED_STATES).order_by("-sent_at")
    rows = list(found.values_list("invitee_did", "sent_at")[:SAMPLE_SIZE])
    sent = {did: at for did, at in rows if at is not None}
    opt_outs = OptOut.objects.filter(accounts.opt_outs_about(host), did__in=sent)
    unwelcome = {one.did for one in opt_outs if one.created_at >= sent[one.did]}
    past = _past(host, SAMPLE_SIZE - len(rows), by_email=False)
    own = OptOut.objects.filter(account__holders__member=host) if past else ()
    refused = {accounts.key_of(one.did): one.created_at for one in own}
    again = {key for key, at in past.items() if key in refused and refused[key] >= at}
    return len(unwelcome) + len(again), len(rows) + len(past)


def check_emails(host: Member) -> tuple[int, int]:
    """The same for her last e-mail invitations."""
    found = EmailInvitation.objects.filter(host__in=accounts.members_of(host), sent_at__isnull=False)
    emails = list(found.order_by("-sent_at").values_list("address_hash", "sent_at")[:SAMPLE_SIZE])
    sent = {key: at for key, at in emails if at is not None}
    past = _past(host, SAMPLE_SIZE - len(emails), by_email=True)
    every = past | sent
    opt_outs = EmailOptOut.objects.filter(accounts.opt_outs_about(host), address_hash__in=every)
    unwelcome = {one.address_hash for one in opt_outs if one.created_at >= every[one.address_hash]}
    return len(unwelcome), len(emails) + len(past)


def _past(host: Member, number: int, *, by_email: bool) -> dict[str, dt.datetime]:
    """Deleted invitations of the account, newest first: the keyed hash of the person, and when it was sent."""
    rows = accounts.past(host).filter(by_email=by_email, for_person=True).exclude(sent_at=None).order_by("-sent_at")
    return {person: at for person, at in rows.values_list("person", "sent_at")[: max(0, number)] if at is not None}


def _check(host: Member) -> None:
    # Counted separately: e-mails that nobody minds do not make her posts welcome, nor the other way round.
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
    text = _(
        "Sending for {name} is paused: {number} of the last {sent} invited people asked not to be invited."
    ).format(name=host.name, number=unwelcome, sent=sent)
    for operator in Member.objects.filter(is_superuser=True, is_active=True):
        notify(operator, f"paused {host.pk}", text, f"{settings.ELONARA.site.url}/admin/jobs/")


def _inviters(did: str) -> Iterable[Member]:
    ids = Invitation.objects.filter(invitee_did=did, state__in=COUNTED_STATES).values("host")
    return Member.objects.filter(pk__in=ids)
