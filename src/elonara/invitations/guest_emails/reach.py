"""Where the e-mails to a guest go, or why she gets none: then her page alone tells her."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.db.models import Q

from elonara.bluesky.graph.models import KnownPerson
from elonara.communities import transfer_rows
from elonara.events.messages.models import REMINDERS, GuestMessage, MessageKind, MessageOptOut
from elonara.events.messages.readers import address_key, member_key
from elonara.events.models import Event, Rsvp
from elonara.invitations.consent.opt_outs import addresses_opted_out, opted_out
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email_addresses import folded_hash_of, hash_of
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.members.models import Member
from elonara.members.queries import may_sign_in

NO_ADDRESS: Final = "no_address"
STOPPED: Final = "stopped"


@dataclass(frozen=True)
class Recipient:
    """A guest as e-mail knows her. With a `reason` she gets none."""

    member: Member | None = None
    invitation: EmailInvitation | None = None
    did: str = ""
    address: str = ""  # of a member; that of an e-mail invitation is sealed in its row
    reason: str = ""

    @property
    def email(self) -> str:
        """Where e-mails go, "" where there are none. Raises CannotUnseal."""
        if self.reason or self.invitation is None:
            return "" if self.reason else self.address
        return tokens.address_of(self.invitation)

    @property
    def name(self) -> str:
        """How she is greeted, "" where that is not known."""
        if self.member is not None:
            return self.member.name
        return self.invitation.name if self.invitation is not None else ""

    @property
    def zone(self) -> str:
        """Her time zone, "" where it is not known."""
        return self.member.timezone if self.member is not None else ""

    @property
    def hashes(self) -> tuple[str, str]:
        """Of her address, and of that without its `+tag`; empty where there is none. Raises CannotUnseal."""
        if self.address:
            return hash_of(self.address), folded_hash_of(self.address)
        return (self.invitation.address_hash, tokens.folded_hash(self.invitation)) if self.invitation else ("", "")

    @property
    def who(self) -> str:
        """Whose opt-outs count for her."""
        if self.member is not None:
            return member_key(self.member.pk)
        return address_key(self.invitation.address_hash) if self.invitation is not None else ""

    @property
    def keys(self) -> set[str]:
        """Under which she may have stopped e-mails: `who`, and her address, which the member may have used before."""
        return {self.who, address_key(self.hashes[0])} if self.hashes[0] else {self.who}


@dataclass(frozen=True)
class Audience:
    """How many people would be told, and how many of them by no e-mail: they see it on the site alone."""

    people: int = 0
    unreachable: int = 0

    @property
    def by_email(self) -> int:
        """How many get an e-mail."""
        return self.people - self.unreachable


def audience(event: Event, people: Iterable[Rsvp], kind: MessageKind, by: Member | None = None) -> Audience:
    """How many of these people an e-mail would reach. Takes a fixed number of queries."""
    found = _recipients(event, [(row.member, row.email_invitation, row.did) for row in people], kind, by)
    return Audience(len(found), sum(1 for one in found if one.reason))


def of_row(row: GuestMessage, rsvp: Rsvp | None) -> Recipient:
    """The reader of a row, by her answer of now where she has one."""
    member, invitation, did = row.member, row.email_invitation, row.did
    if rsvp is not None:
        member, invitation, did = rsvp.member or member, rsvp.email_invitation or invitation, rsvp.did or did
    by = row.host_message.by if row.host_message is not None else None
    [found] = _recipients(row.event, [(member, invitation, did)], MessageKind(row.kind), by)
    return found


def verified_address(member: Member) -> str:
    """The address of a member that she has verified, her primary one first; "" where there is none."""
    return _verified([member.pk]).get(member.pk, "")


def keys_of(member: Member) -> list[str]:
    """Under which a member may have stopped e-mails: as a member, or with an address of hers by the link in one."""
    addresses = EmailAddress.objects.filter(user=member, verified=True).values_list("email", flat=True)
    return [member_key(member.pk), *(address_key(hash_of(address)) for address in addresses)]


def _recipients(
    event: Event, people: Collection[tuple[Any, Any, str]], kind: MessageKind, by: Member | None
) -> list[Recipient]:
    if (refusal := eligibility.unavailable()) is not None:
        return [Recipient(member, invitation, did, reason=refusal.code) for member, invitation, did in people]
    addresses = _verified([member.pk for member, _, _ in people if member is not None])
    found = [_recipient(member, invitation, did, addresses) for member, invitation, did in people]
    refusals = _refusals(event, [one for one in found if not one.reason], kind, by)
    return [replace(one, reason=one.reason or refusals.get(_name_of(one), "")) for one in found]


def _recipient(member: Any, invitation: Any, did: str, addresses: dict[int, str]) -> Recipient:
    if member is not None:
        address = addresses.get(member.pk, "")
        code = "suspended" if not may_sign_in(member) else "" if address else NO_ADDRESS
        return Recipient(member, None, did, address, code)
    # A cancelled invitation was taken back by its host before it was answered, or ended with the event.
    kept = invitation is not None and (invitation.address_enc or invitation.state == EmailState.QUEUED)
    return Recipient(None, invitation, did, reason="" if kept else NO_ADDRESS)


def _refusals(event: Event, people: list[Recipient], kind: MessageKind, by: Member | None) -> dict[str, str]:
    """Who wants no such e-mail: her name (`_name_of`) → the code of the reason."""
    if not people:
        return {}
    opt_outs = MessageOptOut.objects.filter(
        Q(event=event) | Q(event=None), who__in=set().union(*(one.keys for one in people))
    )
    if kind not in REMINDERS:
        opt_outs = opt_outs.filter(reminders_only=False)
    stopped = set(opt_outs.values_list("who", flat=True))
    hashes = dict(one.hashes for one in people)
    hosts = {event.created_by, *transfer_rows.givers(event)} | ({by} if by else set())
    hosts |= {one.invitation.host for one in people if one.invitation}
    letters: dict[str, str] = {}
    for host in hosts:
        letters |= addresses_opted_out(hashes, host)
    said_no = _said_no_to(by, [one.did for one in people if one.did]) if by is not None else {}
    codes = {}
    for one in people:
        code = STOPPED if one.keys & stopped else letters.get(one.hashes[0], "") or said_no.get(one.did, "")
        if code:
            codes[_name_of(one)] = code
    return codes


def _said_no_to(host: Member, dids: list[str]) -> dict[str, str]:
    """Those who asked not to be invited by this host, or who block her: they read no words of hers by e-mail."""
    blocking = KnownPerson.objects.filter(graph__member=host, did__in=dids, blocked_by=True).values_list(
        "did", flat=True
    )
    return dict.fromkeys(blocking, "blocked_by") | opted_out(host, dids)


def _name_of(one: Recipient) -> str:
    return one.who or one.did


def _verified(members: Collection[int]) -> dict[int, str]:
    rows = EmailAddress.objects.filter(user__in=members, verified=True).order_by("primary", "-pk")
    return dict(rows.values_list("user_id", "email"))  # the last one of a member stays
