"""Who may be invited. Asked when an invitation is queued, and again just before it is posted.

A theory of operation.

**Two moments.** Between pressing Send and the last post of a long queue there may be days: caps put rows off, a host
has to reauthorize, a server is down. In that time somebody opts out, blocks the host, answers by another way or deletes
the account. So everything is asked twice: of all the chosen people at once when the rows are planned (`refusals`, a
fixed number of queries, so that the picker can ask for a page of people too), and of each person again just before the
write (`refusal_before_write`). The second answer decides.

**What our own rows know** is asked at both moments and is always up to date: the host's own account and co-hosts,
opt-outs, earlier invitations to the same target, by post or by e-mail (`one_person`), answers. An opt-out takes effect
at once: it also ends the rows that are queued (`responses.invitee.opt_out`), and this check catches one that a worker
already holds.

**What only Bluesky knows** (blocks either way, mutes, follows, whether an account still exists) is asked through the
host's own OAuth session, in batches of `PROFILE_BATCH`. It is asked anew just before the first post of each send; an
answer then holds for its later posts, for `VIEW_MAX_AGE_SECONDS` (`recheck`). A worker asks for the next rows of its
queue in the same request, so forty invitations cost two questions and not forty.

**What fails closed.** If blocks and mutes cannot be known (the session has expired, the permission is missing, only the
anonymous AppView answers), the person can be seen but not invited: `view_unknown` when planning; before a write the row
waits for the host (`view_unknown`, `not_connected`) or is tried again in a few minutes (`graph_unavailable`). Nobody is
posted to because a question failed. Who follows whom, for the relay's audience, fails closed too (`relay_audience`).

**What fails open.** Only the look for a spam label on the posting account (`spam_labels`). It protects the host's
account and nobody else; if it failed closed, one service that only reads could stop every site from inviting. The label
is seen at the first question that is answered again.

**Order.** The first reason that applies is the one a host reads, so reasons that she can do nothing about (an opt-out)
come before those that pass by themselves (a cap).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from elonara.bluesky.identity.people import INVALID_HANDLE, Person
from elonara.invitations.consent import facts, one_person, opt_outs
from elonara.invitations.consent.relay_audience import own_dids, relay_audience
from elonara.invitations.models import Invitation, State, Voice
from elonara.invitations.targets import Target
from elonara.members.models import Member

VIEW_MAX_AGE_SECONDS = 600  # for which an answer of Bluesky about a person holds
PROFILE_BATCH = 25  # people in one app.bsky.actor.getProfiles
# A row in one of these states is used again when the same person is invited again.
REQUEUEABLE_STATES = (State.FAILED, State.CANCELLED, State.SUPPRESSED)


@dataclass(frozen=True)
class Refusal:
    """Why somebody is not invited: a code of `reasons`, and the day from which on they can be."""

    code: str
    until: dt.date | None = None


def refusals(
    host: Member,
    target: Target | None,
    people: Mapping[str, Person],
    *,
    voice: str = Voice.HOST,
    author_did: str = "",
) -> dict[str, Refusal]:
    """Those of `people` (by DID) who may not be invited now, each with the first reason. A fixed number of queries.

    Without a target: those who may be invited to nothing.
    """
    known = facts.about(host, target, people)
    own = own_dids(host) | ({author_did} - {""})
    audience = relay_audience(author_did, host, people) if voice == Voice.RELAY else set(people)
    found: dict[str, Refusal] = {}
    for did, person in people.items():
        code = (
            _role(did, own, known.runners)
            or known.outs.get(did, "")
            or already_invited(known.invited.get(did))
            or known.emailed.get(did, "")
            or (_settled(did, known.settled, target) if target else "")
            or view_refusal(person)
            or _stranger(person)
            or ("" if did in audience else "relay_audience")
            or ("person_cap" if did in known.full else "")
        )
        if code:
            found[did] = Refusal(code, known.full.get(did) if code == "person_cap" else None)
    return found


def refusal_before_write(row: Invitation, target: Target, person: Person | None, since: dt.datetime) -> str:
    """The reason why this row must not be posted now, or "". The network was asked at `since` or later: `person`."""
    did = row.invitee_did
    addresses = opt_outs.addresses_of_one(did)
    return (
        _role(did, own_dids(row.host) | {row.author_did}, target.runner_dids())
        or opt_outs.opted_out_code(row.host, did, addresses)
        or (_settled(did, {did}, target) if target.has_settled(did) else "")
        or (one_person.got_an_email(row.event, addresses) if addresses and row.event is not None else "")
        or (
            "gone_deleted"
            if person is None
            else view_refusal(person) or _stranger(person) or _relay_refusal(row, person, since)
        )
    )


def view_refusal(person: Person) -> str:
    """What Bluesky's view of a person forbids, or ""."""
    if person.gone:
        return f"gone_{person.gone}"
    if not person.handle or person.handle == INVALID_HANDLE:
        return "handle_invalid"
    if not person.known:
        return "view_unknown"
    for code in ("blocked_by", "blocking", "muted"):
        if getattr(person, code):
            return code
    return ""


def _stranger(person: Person) -> str:
    return "" if person.follows_you or person.you_follow else "stranger"


def _relay_refusal(row: Invitation, person: Person, since: dt.datetime) -> str:
    if row.voice != Voice.RELAY:
        return ""
    allowed = relay_audience(row.author_did, row.host, {row.invitee_did: person}, since=since)
    return "" if row.invitee_did in allowed else "relay_audience"


def _role(did: str, own: set[str], runners: set[str]) -> str:
    if did in own:
        return "yourself"
    return "cohost" if did in runners else ""


def _settled(did: str, settled: set[str], target: Target) -> str:
    if did not in settled:
        return ""
    return "already_answered" if target.kind == "event" else "already_member"


def already_invited(row: Invitation | None) -> str:
    """Why an existing row prevents a new invitation to the same person, or ""."""
    if row is None:
        return ""
    if row.answer in {"cant", "declined"}:
        return "declined"
    match row.state:
        case State.UNDONE:
            return "undone_for_good" if row.undone_once else "undone_once"
        case State.UNDOING:
            return "still_undoing"
        case state if state in REQUEUEABLE_STATES and not row.ambiguous:
            return ""
    return "already_invited"
