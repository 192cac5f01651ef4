"""The part of an export that is about what a member hosts and sent: events, communities, invitations, messages."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from elonara.communities.models import Community, JoinRequest, Transfer
from elonara.events.messages.models import HostMessage
from elonara.events.models import Event, EventHost
from elonara.invitations.models import Announcement, Batch, Correction, EmailInvitation, HostSending, Invitation
from elonara.invitations.planning.models import InvitationDraft
from elonara.members.models import Member

_EVENT = (
    "slug", "title", "description", "starts_at", "ends_at", "all_day", "timezone", "location", "attendance",
    "online_link", "visibility", "status", "picture_alt", "mood", "capacity", "online_capacity", "fills_by_itself",
    "offer_hours", "fill_cutoff_hours", "plus_ones_allowed", "approval", "place_hidden", "answers_until",
    "guest_list_hidden", "count_hidden", "cancel_word", "created_at",
)  # fmt: skip


def called(of: Event | Community | None) -> dict[str, Any]:
    """What a row is about: what its reader knows of it, without the place, which may be hidden from her now."""
    if isinstance(of, Event):
        return {"event": of.title, "slug": of.slug, "starts_at": of.starts_at}
    return {"community": of.name, "slug": of.slug} if of is not None else {}


def sections(member: Member) -> dict[str, Any]:
    """The sections by name."""
    return {
        "events_hosted": _events(member),
        "communities_made": list(
            Community.objects.filter(created_by=member).values(
                "slug", "name", "description", "visibility", "joining", "members_add_events", "created_at"
            )
        ),
        "invitations_sent": _sent(member),
        "email_invitations_sent": [
            {
                "to": called(row.event),
                "name": row.name,
                "note": row.note,
                "state": row.state,
                "sent_at": row.sent_at,
                "created_at": row.created_at,
            }
            for row in EmailInvitation.objects.filter(host=member).select_related("event").order_by("created_at")
        ],
        "sends": list(
            Batch.objects.filter(host=member)
            .order_by("created_at")
            .values("note", "sentence", "thread", "created_at")
        ),
        "posts": [
            {"to": called(row.event or row.community), "text": row.record.get("text", ""), "uri": row.uri,
             "state": row.state, "sent_at": row.sent_at}
            for model in (Announcement, Correction)
            for row in model._default_manager.filter(host=member).select_related("event", "community")
        ],
        "asked_to_take_over": [
            {"of": called(row.event or row.community), "by_you": row.by_id == member.pk, "outcome": row.outcome,
             "asked_at": row.asked_at, "ended_at": row.ended_at}
            for row in Transfer.objects.filter(Q(by=member) | Q(to=member)).select_related("event", "community")
        ],
        "asked_to_join": [
            {"of": called(row.community), "word": row.word, "answer": row.answer, "outcome": row.outcome,
             "asked_at": row.asked_at, "ended_at": row.ended_at}
            for row in JoinRequest.objects.filter(member=member).select_related("community").order_by("asked_at")
        ],
        "answered_who_asked_to_join": [
            {"of": called(row.community), "answer": row.answer, "at": row.ended_at}
            for row in JoinRequest.objects.filter(by=member).exclude(answer="").select_related("community")
        ],
        "messages_sent": [
            {"event": called(row.event), "to": row.audience, "text": row.text, "at": row.created_at}
            for row in HostMessage.objects.filter(by=member).select_related("event").order_by("created_at")
        ],
        "drafts": [
            {"to": called(row.event or row.community), "note": row.note, "sentence": row.sentence,
             "lines": list(row.lines.values()), "people": [person[0] for person in row.people if person],
             "changed_at": row.changed_at}
            for row in InvitationDraft.objects.filter(member=member).select_related("event", "community")
        ],
        "sending": HostSending.objects.filter(host=member)
        .values("relay_approved", "paused_at", "pause_reason", "first_sent_at")
        .first(),
    }  # fmt: skip


def _events(member: Member) -> list[dict[str, Any]]:
    """The events that she runs: all of them, with what guests are asked; who came is the guests' own."""
    rows = EventHost.objects.filter(member=member).select_related("event").prefetch_related("event__questions")
    found = []
    for row in rows.order_by("event"):
        role = {"role": row.role, "accepted_at": row.accepted_at, "declined_at": row.declined_at}
        if row.role == EventHost.Role.COHOST and row.accepted_at is None:
            found.append(called(row.event) | role)  # asked, without any right
            continue
        asked = [question.text for question in row.event.questions.all()]
        found.append({name: getattr(row.event, name) for name in _EVENT} | role | {"questions": asked})
    return found


def _sent(member: Member) -> list[dict[str, Any]]:
    """The invitations by post, to whom she chose; what they answered is theirs."""
    rows = Invitation.objects.filter(host=member).select_related("event", "community").order_by("created_at", "rkey")
    return [
        {
            "to": called(row.event or row.community),
            "did": row.invitee_did if row.invitee_handle else "",  # "": deleted with the guests' data of the event
            "handle": row.invitee_handle,
            "text": row.record.get("text", ""),
            "line": row.line,
            "state": row.state,
            "uri": row.uri,
            "sent_at": row.sent_at,
            "created_at": row.created_at,
        }
        for row in rows.iterator(chunk_size=500)
    ]
