"""Which sending account a host's invitations count for: opt-outs, caps, pauses and the first week belong to it.

A host may unlink her DID, have her account deleted and sign in again as a new member with the same Bluesky account. For
the people she invites she is the same host. So every DID that a member proves is noted for good, as a keyed hash, and
whoever proves it later gets the same `SendingAccount`. Two accounts become one when somebody proves a DID of each:
nothing but a proved DID joins them.

Lock order: the account's row comes before `HostSending`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.crypto import salted_hmac

from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.account_models import (
    PastInvitation,
    SendingAccount,
    SendingAccountHolder,
    SendingAccountKey,
)
from elonara.invitations.models import EmailInvitation, HostSending, Invitation, Voice
from elonara.invitations.opt_out_models import EmailOptOut, OptOut, Report
from elonara.members.models import Member

SPAM_REASON = "spam_label"  # the one pause that a host may end herself, so every other is stronger

_ACCOUNT = CompiledQuery(lambda member: SendingAccount.objects.filter(holders__member=member))


def key_of(did: str) -> str:
    """A keyed hash (hex) of a DID. Without the site's key it cannot be guessed."""
    return salted_hmac("elonara.sending_account", did, algorithm="sha256").hexdigest()


def find(host: Member) -> SendingAccount | None:
    """The host's account; None before she proved a DID or sent anything."""
    found: list[SendingAccount] = _ACCOUNT.all(member=host.pk)
    return found[0] if found else None


def lock(host: Member) -> SendingAccount:
    """The host's account, made where there is none, and locked; inside a transaction."""
    dids = {
        *MemberIdentity.objects.filter(member=host).values_list("bsky_did", flat=True),
        *AppPasswordSession.objects.filter(member=host).values_list("did", flat=True),
    }
    keys = [key_of(did) for did in dids]
    if SendingAccountKey.objects.filter(key__in=keys, account__holders__member=host).count() < len(keys):
        for did in sorted(dids):  # written in bulk, past `proved`
            join(host, did)
    if (account := find(host)) is None:
        account = _start(host)
    return SendingAccount.objects.select_for_update().get(pk=account.pk)


def join(host: Member, did: str) -> None:
    """Note that the host proved this DID: from now on they share one account, for good."""
    with transaction.atomic():
        mine = find(host)
        known = SendingAccount.objects.filter(keys__key=key_of(did)).first()
        if mine is not None and known is not None and mine.pk != known.pk:
            mine = known = _merge(mine, known)
        account = known or mine or _start(host)
        if mine is None and known is not None:
            SendingAccountHolder.objects.get_or_create(member=host, defaults={"account": account})
            SendingAccount.objects.filter(pk=account.pk, began_at__gt=host.date_joined).update(
                began_at=host.date_joined
            )
        SendingAccountKey.objects.get_or_create(key=key_of(did), defaults={"account": account})
        _share_pause(account)


def members_of(host: Member) -> set[int]:
    """The ids of the members who share the host's account, hers among them."""
    holders = SendingAccountHolder.objects.filter(account__holders__member=host)
    return {host.pk, *holders.values_list("member", flat=True)}


def opt_outs_about(host: Any) -> Q:
    """The opt-outs, of DIDs or addresses, from this host or from the whole site."""
    return Q(account__holders__member=host) | Q(host=host) | Q(host=None, account=None)


def past(host: Member) -> QuerySet[PastInvitation]:
    """The deleted invitations of the host's account."""
    return PastInvitation.objects.filter(account__holders__member=host)


def proved(sender: Any, instance: Any, created: bool, **_: Any) -> None:  # noqa: ARG001
    """A listener: an identity or an app password was stored."""
    if not created or instance.member_id is None:
        return
    did = instance.bsky_did if isinstance(instance, MemberIdentity) else instance.did
    join(instance.member, did)


def invitation_deleted(sender: Any, instance: Invitation | EmailInvitation, **_: Any) -> None:  # noqa: ARG001
    """A listener: keep the places that a row took, which is about to be deleted with its host or event."""
    with transaction.atomic():
        account = lock(instance.host)
        if isinstance(instance, Invitation):
            reports = Report.objects.filter(invitation=instance).count()
            if reports:
                SendingAccount.objects.filter(pk=account.pk).update(past_reports=F("past_reports") + reports)
        _keep_all(account, instance)


def keep_places(host: Member, rows: Iterable[Invitation | EmailInvitation]) -> None:
    """Keep the places that these rows of a host took, which are about to become another member's."""
    with transaction.atomic():
        account = lock(host)
        for row in rows:
            _keep_all(account, row)


def member_deleted(sender: Any, instance: Member, **_: Any) -> None:  # noqa: ARG001
    """A listener: an opt-out from a host who is about to be deleted must not turn into one from the whole site."""
    with transaction.atomic():
        account = lock(instance)
        for model in (OptOut, EmailOptOut):
            model._default_manager.filter(host=instance, account=None).update(account=account)
        _share_pause(account)


def _keep_all(account: SendingAccount, row: Invitation | EmailInvitation) -> None:
    if isinstance(row, EmailInvitation):
        _keep(account, row.address_hash, row, by_email=True)
        return
    person = key_of(row.invitee_did)
    _keep(account, person, row, relayed=row.voice == Voice.RELAY)
    if row.undone_on:
        PastInvitation.objects.create(
            account=account, person=person, counted_on=row.undone_on, for_person=False,
            relayed=row.undone_voice == Voice.RELAY,
        )  # fmt: skip


def _keep(account: SendingAccount, person: str, row: Invitation | EmailInvitation, **kind: bool) -> None:
    if row.counted_on or row.sent_at:
        PastInvitation.objects.create(
            account=account, person=person, counted_on=row.counted_on, sent_at=row.sent_at, **kind
        )


def _start(host: Member) -> SendingAccount:
    holder = SendingAccountHolder.objects.select_related("account").filter(member=host).first()
    if holder is None:
        account = SendingAccount.objects.create(began_at=host.date_joined)
        holder, made = SendingAccountHolder.objects.get_or_create(member=host, defaults={"account": account})
        if not made:
            account.delete()  # another process was first
    return holder.account


def _merge(one: SendingAccount, other: SendingAccount) -> SendingAccount:
    """Make two accounts one; the older one stays."""
    both = SendingAccount.objects.select_for_update().filter(pk__in=[one.pk, other.pk]).order_by("pk")
    kept, gone = sorted(both, key=lambda account: (account.began_at, account.pk))
    if gone.paused_at and (kept.paused_at is None or kept.pause_reason == SPAM_REASON):
        kept.paused_at, kept.pause_reason = gone.paused_at, gone.pause_reason
    if not kept.zone:
        kept.zone, kept.next_zone, kept.zone_from = gone.zone, gone.next_zone, gone.zone_from
    kept.past_reports += gone.past_reports
    kept.save()
    for model in (SendingAccountKey, SendingAccountHolder, PastInvitation, OptOut, EmailOptOut):
        model._default_manager.filter(account=gone).update(account=kept)
    gone.delete()
    return kept


def _share_pause(account: SendingAccount) -> None:
    """A pause of one member is a pause of the account, and of everybody who shares it."""
    account.refresh_from_db()
    shared = HostSending.objects.filter(host__sending_account__account=account)
    pauses = [(row.paused_at, row.pause_reason) for row in shared.exclude(paused_at=None)]
    if account.paused_at:
        pauses.append((account.paused_at, account.pause_reason))
    if not pauses:
        return
    at, reason = min(pauses, key=lambda pause: (pause[1] == SPAM_REASON, pause[0]))
    account.paused_at, account.pause_reason = at, reason
    account.save(update_fields=["paused_at", "pause_reason"])
    for member in account.holders.values_list("member", flat=True):
        HostSending.objects.get_or_create(host_id=member)
    weaker = Q(paused_at=None) | (Q(pause_reason=SPAM_REASON) & ~Q(pause_reason=reason))
    shared.filter(weaker).update(paused_at=at, pause_reason=reason)
