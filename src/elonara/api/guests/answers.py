"""`/events/{slug}/answer`: the caller's own answer; `/events/{slug}/questions`: what hosts ask with it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import GuestNote, PlusOnes, Text
from elonara.events.guests import offers, places, questions, rsvps
from elonara.events.models import Rsvp
from elonara.invitations.queries import is_invited

router = Router(tags=["events"])
Answers = Annotated[
    dict[Annotated[str, Text(20)], Annotated[str, Text(questions.MAX_ANSWER_LENGTH)]],
    Field(max_length=questions.MAX_QUESTIONS),
]


class NewAnswer(Schema):
    """`going` at a full event joins the waiting list; with an offered place it takes it, and `cant` declines it."""

    answer: Literal["going", "maybe", "cant"]
    online: bool = False  # where an event leaves the choice
    plus_ones: PlusOnes = 0
    note: GuestNote = ""
    answers: Answers = {}


class AnswerOut(Schema):
    """What became of an answer: `answer` is "" where there is none."""

    answer: Literal["", "going", "maybe", "cant", "waiting", "offered", "asked", "refused"]
    online: bool
    plus_ones: int
    note: str
    position: int  # on the waiting list, from 1; 0 for who is not on it
    offered_until: dt.datetime | None
    word: str  # what the hosts said with their decision
    answers: dict[str, str]  # to their questions, by the id of the question


class NewQuestion(Schema):
    """`id`: which question it is; left out for a new one. `options` are for a `choice`."""

    id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    text: Annotated[str, Text(questions.MAX_TEXT_LENGTH, 1)]
    kind: Literal["text", "choice", "number", "yesno", "children"] = "text"
    options: Annotated[
        list[Annotated[str, Text(questions.MAX_OPTION_LENGTH)]], Field(max_length=questions.MAX_OPTIONS)
    ] = []
    required: bool = False


class NewQuestions(Schema):
    """All questions that are asked from now on, in their order."""

    questions: Annotated[list[NewQuestion], Field(max_length=questions.MAX_QUESTIONS)]


class QuestionOut(Schema):
    """A question to guests."""

    id: int
    text: str
    kind: str
    options: list[str]
    required: bool


class QuestionsOut(Schema):
    """In their order."""

    questions: list[QuestionOut]


@router.get("/{slug}/answer", response=AnswerOut, summary="Your answer")
def read(request: HttpRequest, slug: str) -> Any:
    """The caller's own answer to an event."""
    member = caller(request)
    return _out(rsvps.rsvp_of(targets.event_at(slug, member), member))


@router.post("/{slug}/answer", response=AnswerOut, summary="Answer an event")
def answer(request: HttpRequest, slug: str, payload: NewAnswer) -> Any:
    """Answer, change the answer, or take or decline a place that is offered."""
    member = caller(request)
    event = targets.event_at(slug, member)
    row = rsvps.respond(
        event,
        choice=payload.answer,
        online=payload.online,
        member=member,
        plus_ones=payload.plus_ones,
        note=payload.note,
        answers=payload.answers,
        invited=is_invited(event, targets.dids_of(member)),
    )
    return _out(row)


@router.get("/{slug}/questions", response=QuestionsOut, summary="What guests are asked")
def read_questions(request: HttpRequest, slug: str) -> Any:
    """The questions that an answer `going` has to, or may, answer."""
    return {"questions": questions.of_event(targets.event_at(slug, caller(request)))}


@router.post("/{slug}/questions", response=QuestionsOut, summary="Ask guests")
def ask(request: HttpRequest, slug: str, payload: NewQuestions) -> Any:
    """Ask these and no others. One that is answered keeps its answers: with other words it is asked anew. For hosts."""
    wanted = [each.model_dump() for each in payload.questions]
    return {"questions": questions.ask(targets.event_at(slug, caller(request)), caller(request), wanted)}


def _out(row: Rsvp | None) -> dict[str, Any]:
    if row is None:
        return {
            "answer": "",
            "online": False,
            "plus_ones": 0,
            "note": "",
            "position": 0,
            "offered_until": None,
            "word": "",
            "answers": {},
        }
    return {
        "answer": offers.choice_now(row),
        "online": row.online,
        "plus_ones": row.plus_ones,
        "note": row.note,
        "position": places.position(row),
        "offered_until": row.offered_until if offers.is_open(row) else None,
        "word": row.word,
        "answers": {str(pk): value for pk, value in questions.given([row.pk])[row.pk].items()},
    }
