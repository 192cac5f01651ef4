"""Who may be invited. Asked when an invitation is queued, and again shortly before it is posted."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.identity.people import INVALID_HANDLE, Person
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent import caps
from elonara.invitations.models import Invitation, OptOut, RelayConsent, State, Voice
from elonara.invitations.targets import Target
from elonara.members.models import Member

VIEW_MAX_AGE_SECONDS = 600  # seconds: how long Bluesky's answer about a person holds
PROFILE_BATCH = 25  # people per question (getProfiles takes 25)
# A row in these states can be taken again for the same person.
REQUEUEABLE_STATES = (State.FAILED, State.CANCELLED, State.SUPPRESSED)

# From whom one person wants no more: hosts, and None for the whole site.
_REFUSED = CompiledQuery(
    lambda did, host: OptOut.objects.filter(Q(host=host) | Q(host=None), did=did).values_list("host", flat=True)
)

log = logging.getLogger(__name__)


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
    dids = list(people)
    outs = opted_out(host, dids)
    runners = target.runner_dids() if target else set()
    settled = target.settled_among(dids) if target else set()
    invited = Invitation.objects.filter(**target.only, invitee_did__in=dids) if target else ()
    rows = {row.invitee_did: row for row in invited}
    full = caps.person_caps(dids, apart_from=target)
    own = _own_dids(host) | ({author_did} - {""})
    audience = relay_audience(author_did, host, people) if voice == Voice.RELAY else set(dids)
    found: dict[str, Refusal] = {}
    for did, person in people.items():
        code = (
            _role(did, own, runners)
            or outs.get(did, "")
            or already_invited(rows.get(did))
            or (_settled(did, settled, target) if target else "")
            or view_refusal(person)
            or ("" if person.follows_you or person.you_follow else "stranger")
            or ("" if did in audience else "relay_audience")
            or ("person_cap" if did in full else "")
        )
        if code:
            found[did] = Refusal(code, full.get(did) if code == "person_cap" else None)
    return found


def refusal_before_write(row: Invitation, target: Target, person: Person | None) -> str:  # noqa: PLR0911
    """The reason why this row must not be posted now, or "". The network was asked before: `person`."""
    did = row.invitee_did
    own = _own_dids(row.host) | {row.author_did}
    if code := _role(did, own, target.runner_dids()):
        return code
    if refused := _REFUSED.all(did=did, host=row.host_id):
        return "opted_out_site" if None in refused else "opted_out_host"
    if target.has_settled(did):
        return _settled(did, {did}, target)
    if person is None:
        return "gone_deleted"
    if code := view_refusal(person):
        return code
    if row.voice == Voice.RELAY and did not in relay_audience(row.author_did, row.host, {did: person}):
        return "relay_audience"
    return ""


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


def opted_out(host: Member, dids: Iterable[str]) -> dict[str, str]:
    """Who does not want to hear from this host, or from the site."""
    rows = OptOut.objects.filter(Q(host=host) | Q(host=None), did__in=list(dids)).order_by("host_id")
    return {row.did: "opted_out_site" if row.host_id is None else "opted_out_host" for row in rows}


def relay_audience(relay_did: str, host: Member, people: Mapping[str, Person]) -> set[str]:
    """Those whom the site's own account may mention, by the operator's choice. May ask the public AppView.

    Who follows the host is not taken from her own server, which might say it of everybody.
    """
    match settings.ELONARA.bluesky.relay.audience:
        case "all":
            return set(people)
        case "followers_of_host":
            claimed = [did for did, person in people.items() if person.follows_you]
            allowed = {did for own in _own_dids(host) for did in _followers(own, claimed)} & set(claimed)
        case _:
            allowed = set()
    rest = [did for did in people if did not in allowed]
    allowed |= set(RelayConsent.objects.filter(did__in=rest).values_list("did", flat=True))
    if settings.ELONARA.bluesky.relay.audience == "opted_in":
        allowed |= _followers(relay_did, [did for did in rest if did not in allowed])
    return allowed


def _followers(of: str, dids: list[str]) -> set[str]:
    """Those who follow an account, as the public AppView knows (app.bsky.graph.getRelationships, 30 a call)."""
    found: set[str] = set()
    for start in range(0, len(dids), 30):
        asked = {"actor": of, "others": dids[start : start + 30]}
        try:
            answer = network.xrpc().query(network.appview_url(), "app.bsky.graph.getRelationships", asked)
        except AtprotoError as fault:
            # Nobody counts as a follower until Bluesky says so.
            log.warning("who follows %s could not be read: %s", of, fault)
            return found
        found |= {
            item["did"]
            for item in answer.get("relationships", [])
            if isinstance(item, dict) and item.get("followedBy") and isinstance(item.get("did"), str)
        }
    return found


def _own_dids(host: Member) -> set[str]:
    identity = getattr(host, "bluesky", None)
    return {identity.bsky_did} if identity is not None else set()


def _role(did: str, own: set[str], runners: set[str]) -> str:
    if did in own:
        return "yourself"
    return "cohost" if did in runners else ""


def _settled(did: str, settled: set[str], target: Target) -> str:
    if did not in settled:
        return ""
    return "already_answered" if target.kind == "event" else "already_member"


def already_invited(row: Invitation | None) -> str:
    """Why a row that exists already stands in the way of a new invitation, or ""."""
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
