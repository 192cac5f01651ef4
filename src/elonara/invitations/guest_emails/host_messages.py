"""Words of a host to her guests: previewed with the number of readers, then written as a row for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from elonara.communities.validation import many_lines
from elonara.events.messages import readers, telling
from elonara.events.messages.models import GuestMessage, HostMessage, MessageKind, MessageState
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_over, may_manage
from elonara.invitations import reasons
from elonara.invitations.consent import pauses
from elonara.invitations.guest_emails import message as email_message
from elonara.invitations.guest_emails.reach import Audience, audience
from elonara.invitations.planning import fingerprint
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member

TEXT_LENGTH = 2000  # characters
DAY = timedelta(days=1)
WAITING = (Rsvp.Choice.WAITING, Rsvp.Choice.OFFERED, Rsvp.Choice.ASKED)  # for a place, or for the hosts


@dataclass(frozen=True)
class MessagePlan:
    """What Send would do: the e-mail, to how many, and how many of them only see it on the site."""

    subject: str
    text: str
    readers: Audience
    left_today: int  # messages that this event may send within a day from now, this one included
    refusal: reasons.Reason | None
    preview_id: str


@dataclass(frozen=True)
class HostMessageView:
    """A message that was sent, for the hosts: to how many, and what became of the e-mails."""

    message: HostMessage
    people: int
    sent: int
    on_its_way: int


def preview(by: Member, event: Event, to: str, text: str) -> MessagePlan:
    """What Send would send, and to how many. Raises InvitationRefused for what cannot be sent at all."""
    text = _checked(by, event, to, text)
    reached = audience(event, _people(event, to, by, with_people=True), MessageKind.HOST, by)
    left = _left_today(event)
    code = "nobody_to_write_to" if not reached.people else _refusal(by, left)
    row = GuestMessage(event=event, kind=MessageKind.HOST, host_message=HostMessage(event=event, by=by, text=text))
    return MessagePlan(
        subject=email_message.subject(row),
        text=text,
        readers=reached,
        left_today=left,
        refusal=reasons.reason(code) if code else None,
        preview_id=_preview_id(by, event, to, text),
    )


def send(
    by: Member, event: Event, to: str, text: str, *, preview_id: str | None = None, idempotency_key: str = ""
) -> HostMessage:
    """Write a row for each reader; the jobs send them. The same key again answers with the first message.

    Raises InvitationRefused, and writes nothing, where `preview_id` showed another text, event or audience.
    """
    text = _checked(by, event, to, text)
    with transaction.atomic():
        locked = Event.objects.select_for_update().get(pk=event.pk)
        key = idempotency_key[:100]
        sent = HostMessage.objects.filter(event=locked, by=by, idempotency_key=key).first() if key else None
        if sent is not None:
            return sent
        _require_open(locked)
        fingerprint.require_one(preview_id, _preview_id(by, locked, to, text))
        people = list(_people(locked, to, by))
        if code := "nobody_to_write_to" if not people else _refusal(by, _left_today(locked)):
            raise InvitationRefused(code)
        message = HostMessage.objects.create(event=locked, by=by, audience=to, text=text, idempotency_key=key)
        telling.host_says(message, people, by.name)
    return message


def sent_messages(event: Event, by: Member) -> list[HostMessageView]:
    """What the hosts have written to the guests, newest first. Raises InvitationRefused for who is no host."""
    if not may_manage(event, by):
        raise InvitationRefused("not_allowed")
    states: dict[object, list[str]] = {}
    for pk, state in GuestMessage.objects.filter(event=event, kind=MessageKind.HOST).values_list(
        "host_message", "state"
    ):
        states.setdefault(pk, []).append(state)
    rows = HostMessage.objects.filter(event=event).select_related("by").order_by("-created_at")[:50]
    return [_view(row, states.get(row.pk, [])) for row in rows]


def closed(event: Event) -> str:
    """The code of the reason why nobody can write to the guests any more, "" while hosts can."""
    if event.hidden_at is not None:
        return "hidden"
    if event.status == Event.Status.CANCELLED:
        return "event_cancelled"
    return "event_over" if is_over(event) else ""


def view_of(message: HostMessage) -> HostMessageView:
    """One of them."""
    return _view(message, list(message.rows.values_list("state", flat=True)))


def _view(row: HostMessage, found: list[str]) -> HostMessageView:
    waiting = sum(state in (MessageState.QUEUED, MessageState.SENDING) for state in found)
    return HostMessageView(row, len(found), found.count(MessageState.SENT), waiting)


def _checked(by: Member, event: Event, to: str, text: str) -> str:
    if not may_manage(event, by):
        raise InvitationRefused("suspended" if by.standing == Member.Standing.SUSPENDED else "not_allowed")
    _require_open(event)
    if to not in HostMessage.Audience.values:
        raise InvitationRefused("unknown_audience", field_name="to")
    text = many_lines(text)
    if not text:
        raise InvitationRefused("no_text", field_name="text")
    if len(text) > TEXT_LENGTH:
        count = len(text)
        sentence = ngettext(
            "The message has {count} character; {limit} fit.", "The message has {count} characters; {limit} fit.", count
        ).format(count=count, limit=f"{TEXT_LENGTH:,}")
        raise InvitationRefused("note_too_long", sentence, field_name="text")
    return text


def _require_open(event: Event) -> None:
    if code := closed(event):
        raise InvitationRefused(code)


def _refusal(by: Member, left: int) -> str:
    return pauses.of_emails(by.pk) or ("" if left else "message_cap")


def _left_today(event: Event) -> int:
    written = HostMessage.objects.filter(event=event, created_at__gt=timezone.now() - DAY).count()
    return max(0, int(settings.ELONARA.invitations.messages_per_event_per_day) - written)


def _people(event: Event, to: str, by: Member, *, with_people: bool = False) -> QuerySet[Rsvp]:
    people = readers.hearing(event, by.pk, with_people=with_people)
    if to == HostMessage.Audience.EVERYBODY:
        return people
    return people.filter(choice__in=WAITING if to == HostMessage.Audience.WAITING else (to,))


def _preview_id(by: Member, event: Event, to: str, text: str) -> str:
    return fingerprint.of_one("host message", event.pk, event.title, by.pk, by.name, to, text)
