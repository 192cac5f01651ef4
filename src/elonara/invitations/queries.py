"""What pages and the API read about invitations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from elonara.bluesky.identity.people import Person
from elonara.communities.models import Community, Removal
from elonara.compiled_queries import CompiledQuery
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.events.times import days_of
from elonara.invitations.consent import accounts, caps, eligibility
from elonara.invitations.models import EmailInvitation, EmailState, Invitation, State
from elonara.invitations.opt_out_models import OptOut, RelayConsent
from elonara.invitations.planning import compose, drafts, sentences
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning import sending_rows as planning_sending_rows
from elonara.invitations.planning.drafts import Draft
from elonara.invitations.planning.sending_rows import SendingRows
from elonara.invitations.planning.standing import old_in_words
from elonara.invitations.responses import invitee as invitee_actions
from elonara.invitations.responses.corrections import OnBluesky, PostsNotice, notice, on_bluesky, to_take_back
from elonara.invitations.responses.listing import MAX_LISTED, WrongCursor, page_with
from elonara.invitations.responses.next_post import handed_over
from elonara.invitations.responses.progress import listed, progress, view_of
from elonara.invitations.responses.views import InboxItem
from elonara.invitations.results import CapsLeft, PostingReadiness
from elonara.invitations.targets import Target, target_of
from elonara.members.models import Member

MAX_REF_LENGTH = 32  # of `Invitation.ref`

__all__ = [
    "MAX_LISTED",
    "OnBluesky",
    "PostsNotice",
    "SendingRows",
    "WrongCursor",
    "by_ref",
    "caps_left",
    "caution",
    "draft",
    "handed_over",
    "inbox",
    "invitability",
    "invitation_for",
    "invited_at",
    "is_invited",
    "listed",
    "next_to_invite_to",
    "notice",
    "old_in_words",
    "on_bluesky",
    "opt_outs",
    "own_sentence",
    "page_with",
    "progress",
    "readiness",
    "relay_allowed_by",
    "sending_rows",
    "stopped_by",
    "targets_of",
    "to_take_back",
    "unanswered",
    "usual_sentence",
    "view_of",
    "waiting_in_inbox",
]

_BY_REF = CompiledQuery(
    lambda ref: Invitation.objects.filter(invitee_actions.may_have_been_seen(), ref=ref).select_related(
        "host__bluesky", "event__community", "event__created_by", "community__created_by", "batch"
    )
)

# An invitation whose invitee said "never again" to its host, or to the whole site.
_STOPPED = Exists(OptOut.objects.filter(accounts.opt_outs_about(OuterRef("host")), did=OuterRef("invitee_did")))

# In the menu of every page of a member.
_WAITING = CompiledQuery(lambda did: _to(Q(invitee_did=did)).filter(answer="").exclude(_STOPPED))


def next_to_invite_to(host: Member) -> tuple[Event, bool] | None:
    """The host's next event that nobody is invited to, else her next one, and whether somebody is; None without one."""
    mine = events.upcoming(host).filter(pk__in=events.hosting(host).values("event"))
    of_event = {"event": OuterRef("pk")}
    ended = (State.CANCELLED, State.FAILED, State.SUPPRESSED, State.UNDOING, State.UNDONE)
    posts = Invitation.objects.filter(**of_event).exclude(state__in=ended)
    invited = Exists(posts) | Exists(EmailInvitation.objects.filter(**of_event).exclude(state__in=ended))
    found = mine.exclude(status=Event.Status.CANCELLED).annotate(invited=invited).order_by("invited", "starts_at", "pk")
    event = found.first()
    return (event, bool(event.invited)) if event is not None else None


def readiness(host: Member, rows: SendingRows | None = None) -> PostingReadiness:
    """Whether, from which account and how the host's invitations are posted; or what is missing."""
    return posting_readiness.readiness(host, rows)


def caps_left(host: Member, rows: SendingRows | None = None) -> CapsLeft:
    """What the host may still send today and this week."""
    return caps.remaining(host, rows.account if rows else None)


def sending_rows(host: Member) -> SendingRows:
    """What `readiness` and `caps_left` need of the host, in one query, for a page that asks for both."""
    return planning_sending_rows.read(host)


def draft(host: Member, to: Event | Community) -> Draft:
    """What the host has chosen and written for this target and not sent; a fresh draft where there is none."""
    return drafts.load(host, Target(to))


def usual_sentence(to: Event | Community) -> str:
    """What our posts say between mention and link where the host writes no sentence of her own."""
    return compose.usual_sentence(Target(to))


def own_sentence(invitation: Invitation) -> str:
    """The host's own sentence in the post of an invitation, "" where it says ours."""
    return sentences.of_batch(invitation.batch, target_of(invitation))


def caution(draft: Draft, to: Event | Community) -> str:
    """What the host has to know about the sentence in her draft before it is sent; "" for nothing."""
    return sentences.caution(draft.sentence, draft.sentence_facts, Target(to))


def invitability(
    host: Member,
    target: Event | Community | None,
    people: Iterable[Person],
    ready: PostingReadiness | None = None,
) -> dict[str, str | None]:
    """For the picker: DID → code of the reason why a person cannot be invited (`reasons`), None for who can.

    Without a target: whether they can be invited to anything. A fixed number of queries for any number of people.
    `ready`: the host's readiness, where it was asked already.
    """
    by_did = {person.did: person for person in people}
    if not by_did:
        return {}
    ready = ready or posting_readiness.readiness(host)
    refused = eligibility.refusals(
        host,
        Target(target) if target else None,
        by_did,
        voice=posting_readiness.voice_for(ready),
        author_did=ready.author_did,
    )
    return {did: refused[did].code if did in refused else None for did in by_did}


def invitation_for(host: Member, pk: UUID) -> Invitation | None:
    """An invitation that this member may act on, by its id."""
    row = (
        Invitation.objects.filter(pk=pk)
        .select_related("host__bluesky", "event__community", "community", "announcement", "batch")
        .first()
    )
    if row is None or not (row.host_id == host.pk or target_of(row).may_invite(host)):
        return None
    return row


def inbox(dids: Sequence[str]) -> list[InboxItem]:
    """The invitations to these proved DIDs, newest first: how people find them whom Bluesky has not notified."""
    rows = _to(Q(invitee_did__in=list(dids))).select_related("host__bluesky").annotate(is_stopped=_STOPPED)
    return [_inbox_item(row) for row in rows.order_by("-queued_at", "-rkey")]


def stopped_by(invitation: Invitation) -> str:
    """What its invitee's DID has stopped: "site" (all invitations), "host" (those of its host), or "" for neither."""
    rows = OptOut.objects.filter(accounts.opt_outs_about(invitation.host_id), did=invitation.invitee_did)
    found = ["site" if row.is_of_whole_site else "host" for row in rows]
    return max(found, default="")  # "site" before "host"


def waiting_in_inbox(dids: Sequence[str]) -> int:
    """How many invitations wait for an answer (`InboxItem.is_open`), for the number in the menu."""
    return sum(not target_of(row).over() for did in dids for row in _WAITING.all(did=did))


def unanswered(event: Event) -> int:
    """How many people were invited to this event, by a post or an e-mail that went out, and have not answered.

    0 once the data of its guests is deleted: who had answered is no longer known.
    """
    if event.guest_totals is not None:
        return 0
    posts = Invitation.objects.filter(event=event, state=State.SENT, answer="")
    emails = EmailInvitation.objects.filter(event=event, state=EmailState.SENT, answer="")
    return posts.values("pk").union(emails.values("pk"), all=True).count()


def by_ref(ref: str) -> Invitation | None:
    """The invitation behind `/i/{ref}`, if its post may have been seen, with host and target loaded.

    None for an unknown ref and for an undone invitation: a stranger cannot tell them apart.
    """
    if not ref or len(ref) > MAX_REF_LENGTH:
        return None
    return _BY_REF.first(ref=ref)


def opt_outs(dids: Sequence[str]) -> list[OptOut]:
    """What these DIDs have opted out of, the whole site first."""
    rows = OptOut.objects.filter(did__in=list(dids)).select_related("host__bluesky")
    return sorted(rows, key=lambda row: (not row.is_of_whole_site, row.created_at))


def relay_allowed_by(dids: Sequence[str]) -> set[str]:
    """Those of `dids` who agreed to be mentioned by the relay, the site's own account."""
    return set(RelayConsent.objects.filter(did__in=list(dids)).values_list("did", flat=True))


def is_invited(target: Event | Community, dids: Sequence[str]) -> bool:
    """Whether somebody with these proved DIDs has an invitation, which opens a private target, but no hidden one."""
    if target.hidden_at is not None:
        return False
    rows = Invitation.objects.filter(
        invitee_actions.may_have_been_seen(), invitee_did__in=list(dids), **Target(target).only
    )
    return rows.exists()


def invited_at(target: Event | Community, dids: Sequence[str]) -> datetime | None:
    """When the latest invitation to these proved DIDs was made; None where `is_invited` says no."""
    if target.hidden_at is not None:
        return None
    rows = Invitation.objects.filter(
        invitee_actions.may_have_been_seen(), invitee_did__in=list(dids), **Target(target).only
    )
    return rows.order_by("-queued_at").values_list("queued_at", flat=True).first()


def targets_of(kind: str, dids: Sequence[str]) -> QuerySet[Any, Any]:
    """The ids of the events (or communities: `kind`) that an invitation of these proved DIDs opens.

    Whoever was removed from a community later is not let in by it any more.
    """
    rows: QuerySet[Any, Any] = Invitation.objects.filter(
        invitee_actions.may_have_been_seen(), invitee_did__in=list(dids), **{f"{kind}__isnull": False}
    )
    if kind == "community":
        theirs = Q(did__in=list(dids)) | Q(member__bluesky__bsky_did__in=list(dids))
        newer = Removal.objects.filter(theirs, community=OuterRef("community"), removed_at__gte=OuterRef("queued_at"))
        rows = rows.exclude(Exists(newer))
    return rows.values(kind)


def _to(whom: Q) -> QuerySet[Invitation]:
    rows = Invitation.objects.filter(whom, invitee_actions.may_have_been_seen())
    return rows.filter(event__hidden_at=None, community__hidden_at=None).select_related("event", "community")


def _inbox_item(row: Any) -> InboxItem:
    target = target_of(row)
    identity = getattr(row.host, "bluesky", None)
    return InboxItem(
        ref=row.ref,
        did=row.invitee_did,
        handle=row.invitee_handle,
        url=compose.link_for(row.ref),
        host_name=row.host.name,
        host_handle=identity.bsky_handle if identity else "",
        host_avatar=identity.avatar_url if identity else "",
        title=target.title,
        starts_at=target.of.starts_at if isinstance(target.of, Event) else None,
        first_day=days_of(target.of)[0] if isinstance(target.of, Event) and target.of.all_day else None,
        timezone=target.of.timezone if isinstance(target.of, Event) else "",
        is_private=target.is_private,
        is_over=bool(target.over()),
        is_stopped=row.is_stopped,
        kind=target.kind,
        target_url=target.url,
        sent_at=row.sent_at,
        answer=row.answer,
        answered_at=row.answered_at,
        event=target.of if isinstance(target.of, Event) else None,
    )
