"""`/events/{slug}/messages`: words of the hosts; `…/emails` and `/me/emails`: what the caller wants; `…/report`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS, Text
from elonara.housekeeping import answer_digest
from elonara.invitations import actions
from elonara.invitations.guest_emails import host_messages, stopping
from elonara.invitations.guest_emails.host_messages import TEXT_LENGTH, HostMessageView
from elonara.invitations.guest_emails.stopping import EmailSettings
from elonara.invitations.queries import is_invited
from elonara.invitations.responses.reports import MAX_TEXT
from elonara.members.models import Member

router = Router(tags=["guests"])


class MessageIn(Schema):
    """To whom, and what. The hosts of an event write to those with one answer, or to everybody who has not said no."""

    to: Literal["going", "maybe", "waiting", "everybody"]
    text: Annotated[str, Text(TEXT_LENGTH, 1, code="note_too_long")]


class MessageRequest(MessageIn):
    """With the `preview_id` of a preview exactly what it showed is sent. The same key again sends nothing twice."""

    preview_id: str | None = Field(default=None, max_length=100, pattern=NO_CONTROLS)
    idempotency_key: str = Field(default="", max_length=100, pattern=NO_CONTROLS)


class MessagePreviewOut(Schema):
    """`unreachable` of the `people` get no e-mail and read it on the site. `refusal`: why Send would be refused."""

    subject: str
    text: str
    people: int
    unreachable: int
    left_today: int
    refusal: str | None
    preview_id: str


class MessageOut(Schema):
    """A message: to how many `people`, `sent` by e-mail so far, `on_its_way` still to go."""

    id: UUID
    by: str
    to: str
    text: str
    created_at: dt.datetime
    people: int
    sent: int
    on_its_way: int


class MessageList(Schema):
    """The newest 50, newest first."""

    messages: list[MessageOut]


class ReportIn(Schema):
    """What is wrong with the event, or with a `message` of its hosts that the caller was told."""

    text: Annotated[str, Text(MAX_TEXT)] = ""
    message: UUID | None = None


class Reported(Schema):
    """The operators have it."""

    reported: bool


class EmailChoice(Schema):
    """Whether the caller gets e-mails about what happens, and reminders a day and an hour before."""

    changes: bool
    reminders: bool


class MyEmailChoice(EmailChoice):
    """For all events. `answers`: the daily e-mail that says who answered the caller's own events."""

    answers: bool


class MyEmailChange(EmailChoice):
    """For all events. Without `answers` the daily e-mail stays as it was chosen."""

    answers: bool | None = None


@router.post("/events/{slug}/messages/preview", response=MessagePreviewOut, summary="See a message to guests")
def preview(request: HttpRequest, slug: str, payload: MessageIn) -> Any:
    """Writes nothing."""
    host = caller(request)
    plan = host_messages.preview(host, targets.event_at(slug, host), payload.to, payload.text)
    return {
        "subject": plan.subject,
        "text": plan.text,
        "people": plan.readers.people,
        "unreachable": plan.readers.unreachable,
        "left_today": plan.left_today,
        "refusal": plan.refusal.code if plan.refusal else None,
        "preview_id": plan.preview_id,
    }


@router.post("/events/{slug}/messages", response={202: MessageOut}, summary="Write to the guests")
def send(request: HttpRequest, slug: str, payload: MessageRequest) -> Any:
    """Writes a row for each reader; the jobs send them. So often a day as the site allows (409 `message_cap`)."""
    host = caller(request)
    message = host_messages.send(
        host,
        targets.event_at(slug, host),
        payload.to,
        payload.text,
        preview_id=payload.preview_id,
        idempotency_key=payload.idempotency_key,
    )
    return Status(202, _out(host_messages.view_of(message)))


@router.get("/events/{slug}/messages", response=MessageList, summary="Messages to the guests")
def messages(request: HttpRequest, slug: str) -> Any:
    """For the hosts."""
    host = caller(request)
    return {"messages": [_out(one) for one in host_messages.sent_messages(targets.event_at(slug, host), host)]}


@router.post("/events/{slug}/report", response={202: Reported}, summary="Report an event or a message")
def report(request: HttpRequest, slug: str, payload: ReportIn) -> Any:
    """To the operators of the site. A later report of the caller about the same replaces an open one."""
    member = caller(request)
    event, dids = targets.event_at(slug, member), targets.dids_of(member)
    by = actions.Reporter(member, dids, invited=is_invited(event, dids))
    actions.report_event(event, by, payload.text, payload.message)
    return Status(202, {"reported": True})


@router.get("/events/{slug}/emails", response=EmailChoice, summary="What you want by e-mail about an event")
def of_event(request: HttpRequest, slug: str) -> Any:
    """What was chosen for all events holds beside it."""
    member = caller(request)
    return stopping.settings_of(member, targets.event_at(slug, member))


@router.put("/events/{slug}/emails", response=EmailChoice, summary="Choose it")
def choose(request: HttpRequest, slug: str, payload: EmailChoice) -> Any:
    """The event's page goes on telling."""
    member = caller(request)
    event = targets.event_at(slug, member)
    stopping.change_settings(member, EmailSettings(payload.changes, payload.reminders), event)
    return stopping.settings_of(member, event)


@router.get("/me/emails", response=MyEmailChoice, summary="What you want by e-mail about events")
def of_all(request: HttpRequest) -> Any:
    """About every event that the caller answers, and about those that the caller hosts."""
    return _choice_of(caller(request))


@router.put("/me/emails", response=MyEmailChoice, summary="Choose it for all events")
def choose_for_all(request: HttpRequest, payload: MyEmailChange) -> Any:
    """The pages go on telling."""
    member = caller(request)
    stopping.change_settings(member, EmailSettings(payload.changes, payload.reminders))
    if payload.answers is not None:
        answer_digest.choose(member, wanted=payload.answers)
    return _choice_of(member)


def _choice_of(member: Member) -> dict[str, bool]:
    chosen = stopping.settings_of(member)
    return {"changes": chosen.changes, "reminders": chosen.reminders, "answers": answer_digest.wants(member)}


def _out(one: HostMessageView) -> dict[str, Any]:
    message = one.message
    return {
        "id": message.pk,
        "by": message.by.name,
        "to": message.audience,
        "text": message.text,
        "created_at": message.created_at,
        "people": one.people,
        "sent": one.sent,
        "on_its_way": one.on_its_way,
    }
