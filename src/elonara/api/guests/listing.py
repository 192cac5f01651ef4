"""`/events/{slug}/guests`: the guests of an event, and what its hosts do about their answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS, GuestNote, PlusOnes, Text
from elonara.events.guests import approval, by_host, places, questions, rsvps
from elonara.events.guests.narrowing import AnswerGroup, CameBy, GuestFilter
from elonara.events.models import Event, Rsvp
from elonara.events.queries import may_manage
from elonara.members.errors import NotAllowed

router = Router(tags=["events"])
GUESTS_ON_A_PAGE = 100
GuestId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Decision(Schema):
    """What the host wants to say with it, if anything."""

    word: GuestNote = ""


class GuestOut(Schema):
    """A guest as hosts see them."""

    id: int
    answer: str
    plus_ones: int


class ListedGuest(GuestOut):
    """A guest with everything that hosts may read. `answers` are by the ids of the questions."""

    online: bool
    name: str
    handle: str
    did: str
    note: str
    answers: dict[str, str]


class SetAnswer(Schema):
    """What a host sets: `going` at a full event goes on the waiting list. `online`: how, where there are two ways.

    Without `answer` it stays what it is, and the number changes.
    """

    answer: Literal["going", "maybe", "cant"] | None = None
    plus_ones: PlusOnes = 0
    online: bool | None = None


class AddedGuest(Schema):
    """Somebody who is known by name alone; the rest as in `SetAnswer`."""

    answer: Literal["going", "maybe", "cant"]
    plus_ones: PlusOnes = 0
    online: bool | None = None
    name: Annotated[str, Text(by_host.MAX_NAME_LENGTH, 1)]


class OtherGuest(Schema):
    """The id of the other answer of the same person."""

    other: Annotated[int, Field(ge=1, le=2**63 - 1)]


class RemovedGuest(Schema):
    """The id that names nobody any more."""

    removed: int


class GuestsQuery(Schema):
    """All of it has to hold. `q`: words of name and handle. `unanswered`: a question that has to be answered is not.

    `answer`: `waiting` includes who is offered a place, `cant` who was declined. `by`: a member of the site, by a
    Bluesky account alone, by the link of an e-mail, or added by name.
    """

    q: str = Field("", max_length=100, pattern=NO_CONTROLS)
    answer: AnswerGroup | None = None
    by: CameBy | None = None
    unanswered: bool = False
    page: int = Field(1, ge=1, le=1_000_000)


class GuestsOut(Schema):
    """One page of guests, and how many pages there are."""

    guests: list[ListedGuest]
    page: int
    pages: int


@router.get("/{slug}/guests", response=GuestsOut, summary="The guests")
def guests(request: HttpRequest, slug: str, params: Query[GuestsQuery]) -> Any:
    """Everybody who answered and fits, a hundred on a page. For hosts."""
    event, member = _event(request, slug), caller(request)
    if not may_manage(event, member):
        raise NotAllowed(_("Only the hosts of this event may do that."), "not_host")
    wanted = GuestFilter(params.answer, params.by, params.unanswered, params.q)
    found = rsvps.guest_list(event, member, page=params.page, page_size=GUESTS_ON_A_PAGE, wanted=wanted)
    given = questions.given([guest.rsvp for guest in found.guests])
    rows = [
        {
            "id": guest.rsvp, "answer": guest.choice, "plus_ones": guest.plus_ones, "online": guest.online,
            "name": guest.name,
            "handle": guest.handle, "did": guest.did, "note": guest.note,
            "answers": {str(pk): value for pk, value in given[guest.rsvp].items()},
        }
        for guest in found.guests
    ]  # fmt: skip
    return {"guests": rows, "page": found.page, "pages": found.pages}


@router.post("/{slug}/guests", response={201: GuestOut}, summary="Add a guest by name")
def add(request: HttpRequest, slug: str, payload: AddedGuest) -> Any:
    """For hosts."""
    event = _event(request, slug)
    row = by_host.add(event, caller(request), payload.name, payload.answer, payload.plus_ones, online=payload.online)
    return Status(201, _guest(row))


@router.patch("/{slug}/guests/{guest}", response=GuestOut, summary="Set a guest's answer")
def set_answer(request: HttpRequest, slug: str, guest: GuestId, payload: SetAnswer) -> Any:
    """Set or correct it; a guest who has an account is told. For hosts."""
    event = _event(request, slug)
    return _guest(
        by_host.set_answer(
            event, caller(request), guest, payload.answer or "", payload.plus_ones, online=payload.online
        )
    )


@router.post("/{slug}/guests/{guest}/remove", response=RemovedGuest, summary="Remove a guest who was added by name")
def remove(request: HttpRequest, slug: str, guest: GuestId) -> Any:
    """Nobody else's answer can be removed. For hosts."""
    by_host.remove(_event(request, slug), caller(request), guest)
    return {"removed": guest}


@router.post("/{slug}/guests/{guest}/merge", response=GuestOut, summary="Merge two answers of one person")
def merge(request: HttpRequest, slug: str, guest: GuestId, payload: OtherGuest) -> Any:
    """The later one holds. Two members, two Bluesky accounts or two e-mail invitations stay apart. For hosts."""
    return _guest(by_host.merge(_event(request, slug), caller(request), guest, payload.other))


@router.post("/{slug}/guests/{guest}/place", response=GuestOut, summary="Give a place")
def give_place(request: HttpRequest, slug: str, guest: GuestId) -> Any:
    """To somebody on the waiting list, whatever the order and the number of places say. For hosts."""
    event = _event(request, slug)
    return _guest(places.give(event, caller(request), guest))


@router.post("/{slug}/guests/{guest}/accept", response=GuestOut, summary="Accept a guest")
def accept(request: HttpRequest, slug: str, guest: GuestId, payload: Decision) -> Any:
    """Who asked to come, or was declined: `going`, or `waiting` where all places are taken. For hosts."""
    return _guest(approval.accept(_event(request, slug), caller(request), guest, payload.word))


@router.post("/{slug}/guests/{guest}/decline", response=GuestOut, summary="Decline a guest")
def decline(request: HttpRequest, slug: str, guest: GuestId, payload: Decision) -> Any:
    """Who asked to come. For hosts."""
    return _guest(approval.decline(_event(request, slug), caller(request), guest, payload.word))


def _event(request: HttpRequest, slug: str) -> Event:
    return targets.event_at(slug, caller(request))


def _guest(row: Rsvp) -> dict[str, Any]:
    return {"id": row.pk, "answer": row.choice, "plus_ones": row.plus_ones}
