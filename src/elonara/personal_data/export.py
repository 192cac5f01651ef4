"""Everything that the site keeps about one person, as data that becomes JSON.

About herself alone: no answer of another guest, no address of anybody else, no report by others, no word that an
operator noted, and no secret (tokens, keys, hashes of passwords). What she wrote to others is hers, whom she wrote to
by e-mail is named as she named them, without the address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities.models import Membership, Removal
from elonara.events.messages.models import TOLD, GuestMessage, MessageOptOut
from elonara.events.messages.readers import member_key
from elonara.events.models import Rsvp
from elonara.invitations.consent import one_person
from elonara.invitations.guest_emails.told import sentence
from elonara.invitations.models import EmailInvitation, EmailState, Invitation
from elonara.invitations.opt_out_models import EmailOptOut, OptOut, RelayConsent
from elonara.invitations.responses.invitee import may_have_been_seen
from elonara.members.models import Member
from elonara.personal_data import account, hosting

FORMAT: Final = 1  # raised when a name changes or goes


@dataclass(frozen=True)
class DataSubject:
    """Who asks: a member, somebody who proved DIDs, or the reader of an e-mail invitation (its id)."""

    member: Member | None = None
    dids: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()  # of addresses that she has verified
    email_invitation: UUID | None = None

    @property
    def hers(self) -> Q:
        """Her rows, in a table with `member`, `did` and `email_invitation`.

        What was done as a member is that member's, also where she has proved the DID that the member once had.
        """
        unowned = Q(did__in=self.dids) | Q(email_invitation__address_hash__in=self.hashes)
        if self.email_invitation is not None:
            unowned |= Q(email_invitation=self.email_invitation)
        mine = Q(member=None) & unowned
        return mine if self.member is None else mine | Q(member=self.member)

    @property
    def received_emails(self) -> Q:
        """The e-mail invitations to her."""
        mine = Q(address_hash__in=self.hashes)
        return mine if self.email_invitation is None else mine | Q(pk=self.email_invitation)


def member(of: Member) -> DataSubject:
    """A member with her linked DID and her verified addresses."""
    identity = getattr(of, "bluesky", None)
    dids = (identity.bsky_did,) if identity else ()
    return DataSubject(of, dids, tuple(one_person.hashes_of(of.pk)))


def export(person: DataSubject) -> dict[str, Any]:
    """Everything that is kept about her."""
    found: dict[str, Any] = {
        "site": settings.ELONARA.site.url,
        "format": FORMAT,
        "made_at": timezone.now(),
        "bluesky_accounts": list(person.dids),
        "answers": _answers(person),
        "invitations_received": _received(person),
        "email_invitations_received": _received_emails(person),
        "messages_received": _messages(person),
        "opt_outs": _opt_outs(person),
        "memberships": _memberships(person),
        "removed_from_communities": _removals(person),
    }
    if person.member is not None:
        found |= account.sections(person.member) | hosting.sections(person.member)
    return found


def _list[Row: Model](rows: QuerySet[Row], view: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
    return [view(row) for row in rows.iterator(chunk_size=500)]


def _answers(person: DataSubject) -> list[dict[str, Any]]:
    rows = Rsvp.objects.filter(person.hers, event__hidden_at=None).select_related("event").order_by("pk")
    given = _given(rows)
    names = (
        "choice", "online", "plus_ones", "note", "handle", "did", "answered_at", "waiting_since", "offered_until",
        "accepted_at", "refused_at",
    )  # fmt: skip
    return _list(
        rows,
        lambda row: {
            "event": hosting.called(row.event),
            **{name: getattr(row, name) for name in names},
            # Of a member's answer it may be what a host had called her.
            "name": row.name if row.member_id is None else "",
            "word_of_the_host": row.word,
            "questions": given.get(row.pk, []),
        },
    )


def _given(rows: QuerySet[Rsvp]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    given = rows.values_list("pk", "given_answers__question__text", "given_answers__value")
    for pk, question, value in given.exclude(given_answers=None).order_by("given_answers__question__position"):
        found.setdefault(pk, []).append({"question": question, "answer": value})
    return found


def _received(person: DataSubject) -> list[dict[str, Any]]:
    rows = Invitation.objects.filter(may_have_been_seen(), invitee_did__in=person.dids)
    rows = rows.filter(event__hidden_at=None, community__hidden_at=None)
    return _list(
        rows.select_related("event", "community", "host", "batch").order_by("created_at"),
        lambda row: {
            "to": hosting.called(row.event or row.community),
            "from": row.host.name,
            "as_handle": row.invitee_handle,
            "as_name": row.invitee_name,
            "text": row.record.get("text", ""),
            "note": row.batch.note,
            "line": row.line,
            "sent_at": row.sent_at,
            "answer": row.answer,
            "answered_at": row.answered_at,
        },
    )


def _received_emails(person: DataSubject) -> list[dict[str, Any]]:
    rows = EmailInvitation.objects.filter(person.received_emails, state=EmailState.SENT, event__hidden_at=None)
    return _list(
        rows.select_related("event", "host").order_by("created_at"),
        lambda row: {
            "to": hosting.called(row.event),
            "from": row.host.name,
            "as_name": row.name,
            "note": row.note,
            "sent_at": row.sent_at,
            "answer": row.answer,
            "answered_at": row.answered_at,
        },
    )


def _messages(person: DataSubject) -> list[dict[str, Any]]:
    rows = GuestMessage.objects.filter(person.hers, state__in=TOLD, event__hidden_at=None)
    return _list(
        rows.select_related("event", "host_message__by").order_by("created_at"),
        lambda row: {
            "event": hosting.called(row.event),
            "text": sentence(row),
            "word": row.host_message.text if row.host_message else row.word,
            "state": row.state,
            "at": row.told_at or row.created_at,
        },
    )


def _opt_outs(person: DataSubject) -> list[dict[str, Any]]:
    hashes = list(person.hashes)
    if person.email_invitation is not None:
        hashes += EmailInvitation.objects.filter(pk=person.email_invitation).values_list("address_hash", flat=True)
    posts = OptOut.objects.filter(did__in=person.dids).select_related("host")
    stopped = EmailOptOut.objects.filter(address_hash__in=hashes).select_related("host")
    messages = MessageOptOut.objects.filter(member=person.member) if person.member else MessageOptOut.objects.none()
    if person.member is not None:
        messages |= MessageOptOut.objects.filter(who=member_key(person.member.pk))
    consents = RelayConsent.objects.filter(did__in=person.dids)
    return [
        *({"of": _("posts"), "from": _whom(row), "since": row.created_at} for row in posts),
        *({"of": _("e-mail invitations"), "from": _whom(row), "since": row.created_at} for row in stopped),
        *_message_opt_outs(messages.select_related("event")),
        *({"allowed": _("to be mentioned by the site’s own account"), "since": row.created_at} for row in consents),
    ]


def _message_opt_outs(rows: Iterable[MessageOptOut]) -> list[dict[str, Any]]:
    return [
        {
            "of": _("reminders") if row.reminders_only else _("e-mails about events"),
            "from": row.event.title if row.event else _("every event"),
            "since": row.created_at,
        }
        for row in rows
    ]


def _whom(row: OptOut | EmailOptOut) -> str:
    if row.host is not None:
        return row.host.name
    return _("a former member") if row.account_id else _("the whole site")


def _removals(person: DataSubject) -> list[dict[str, Any]]:
    mine = Q(member=None, did__in=person.dids)
    if person.member is not None:
        mine |= Q(member=person.member)
    return _list(
        Removal.objects.filter(mine, community__hidden_at=None).select_related("community").order_by("pk"),
        lambda row: {"community": hosting.called(row.community), "name": row.name, "at": row.removed_at},
    )


def _memberships(person: DataSubject) -> list[dict[str, Any]]:
    mine = Q(member=None, did__in=person.dids)
    if person.member is not None:
        mine |= Q(member=person.member)
    return _list(
        Membership.objects.filter(mine, community__hidden_at=None).select_related("community").order_by("pk"),
        lambda row: {
            "community": hosting.called(row.community),
            "role": row.role,
            "name": row.name,
            "handle": row.handle,
            "joined_at": row.joined_at,
        },
    )
