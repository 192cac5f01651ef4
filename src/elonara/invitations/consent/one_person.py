"""One person, whether she is invited by her DID or by an address: a member is whoever has verified the address.

So nobody gets an invitation to the same event both ways, and a "no" that she said one way holds for the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from allauth.account.models import EmailAddress
from django.db.models import Q

from elonara.bluesky.models import MemberIdentity
from elonara.events import queries as events
from elonara.events.models import Event, Rsvp
from elonara.invitations import states
from elonara.invitations.consent import opt_outs
from elonara.invitations.email_addresses import hash_of, normalized
from elonara.invitations.models import EmailInvitation, EmailState, Invitation, State
from elonara.members.models import Member

# An e-mail invitation in one of these states is used again when its address is invited again.
REQUEUEABLE_EMAIL_STATES = (EmailState.FAILED, EmailState.SUPPRESSED, EmailState.CANCELLED)

DECLINED: Final = "cant"  # the answer after which a person is not asked again


def owners(addresses: Collection[str]) -> dict[str, Member]:
    """The members who have verified these addresses: hash of the address → member. One query."""
    wanted = {address.strip().lower() for address in addresses}
    wanted |= {normalized(address) for address in addresses}
    rows = EmailAddress.objects.filter(email__in=wanted, verified=True).select_related("user")
    return {hash_of(row.email): row.user for row in rows}


def hashes_of(member_id: int) -> list[str]:
    """The hashes of the addresses that a member has verified."""
    rows = EmailAddress.objects.filter(user=member_id, verified=True).values_list("email", flat=True)
    return [hash_of(address) for address in rows]


def invited_by_email(event: Event, people: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Those people, with the hashes of their addresses, whom an e-mail has invited to it: DID → code of the reason."""
    every = [one for each in people.values() for one in each]
    rows = {row.address_hash: row for row in EmailInvitation.objects.filter(event=event, address_hash__in=every)}
    codes = {
        did: next(filter(None, (already_by_email(rows.get(one)) for one in each)), "") for did, each in people.items()
    }
    return {did: code for did, code in codes.items() if code}


def got_an_email(event: Event, addresses: Collection[str]) -> str:
    """The same for one person just before her post is written, "" where nothing is against it.

    Only an e-mail that has left counts now: of two invitations that wait, the first one goes.
    """
    rows = EmailInvitation.objects.filter(event=event, address_hash__in=list(addresses), state=EmailState.SENT)
    return next((already_by_email(row) for row in rows), "")


def why_not_members(
    host: Member, event: Event, members: Collection[Member], *, seen_alone: bool = False
) -> dict[int, str]:
    """Those members who may not be invited by e-mail because of who they are: id → code of the reason.

    A fixed number of queries. `seen_alone`: of other invitations to them only one that may have been seen counts.
    """
    if not members:
        return {}
    ids = [member.pk for member in members]
    dids = dict(MemberIdentity.objects.filter(member__in=ids).values_list("member", "bsky_did"))
    runners = set(events.host_rows(event).filter(member__in=ids).values_list("member", flat=True))
    outs = opt_outs.opted_out(host, dids.values())
    posts = Invitation.objects.filter(event=event, invitee_did__in=list(dids.values()))
    posts = posts.filter(state__in=states.POSSIBLY_SEEN) if seen_alone else posts
    invited = {row.invitee_did: row for row in posts}
    emailed = _emailed(event, ids, seen_alone=seen_alone)
    answers = Rsvp.objects.filter(Q(member__in=ids) | Q(did__in=list(dids.values())), event=event)
    answered = {who for row in answers.values_list("member", "did") for who in row}
    found: dict[int, str] = {}
    for member in ids:
        did = dids.get(member, "")
        code = (
            ("yourself" if member == host.pk else "cohost" if member in runners else "")
            or outs.get(did, "")
            or ("already_answered" if member in answered or (did and did in answered) else "")
            or _already_by_post(invited.get(did))
            or emailed.get(member, "")
        )
        if code:
            found[member] = code
    return found


def already_by_email(row: EmailInvitation | None) -> str:
    """Why an e-mail invitation to the same event forbids another one, or ""."""
    if row is None:
        return ""
    if row.answer:
        return "declined" if row.answer == DECLINED else "already_answered"
    return "" if row.state in REQUEUEABLE_EMAIL_STATES else "already_invited"


def _emailed(event: Event, members: Collection[int], *, seen_alone: bool) -> dict[int, str]:
    """Which of these members have an e-mail invitation to any address of theirs: id → code of the reason."""
    addresses = EmailAddress.objects.filter(user__in=members, verified=True)
    of_member = {hash_of(address): member for member, address in addresses.values_list("user", "email")}
    rows = EmailInvitation.objects.filter(event=event, address_hash__in=list(of_member))
    rows = rows.filter(state=EmailState.SENT) if seen_alone else rows
    return {of_member[row.address_hash]: code for row in rows if (code := already_by_email(row))}


def _already_by_post(row: Invitation | None) -> str:
    if row is None:
        return ""
    if row.answer == DECLINED:
        return "declined"
    # One that was taken back is no invitation any more; neither is one that ended before it was written.
    counts = row.state in (*states.POSSIBLY_SEEN, *states.PENDING) or row.ambiguous
    return "already_invited" if counts or row.state == State.UNDOING else ""
