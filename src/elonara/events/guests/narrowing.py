"""What hosts can narrow the guest list to: an answer, how somebody came to it, who owes an answer; and a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.db.models import Exists, OuterRef, Q, QuerySet

from elonara.events.models import GivenAnswer, Question, Rsvp

Choice = Rsvp.Choice

AnswerGroup = Literal["going", "maybe", "waiting", "asked", "cant"]
ANSWERS: Final[dict[AnswerGroup, tuple[str, ...]]] = {
    "going": (Choice.GOING,),
    "maybe": (Choice.MAYBE,),
    "waiting": (Choice.WAITING, Choice.OFFERED),
    "asked": (Choice.ASKED,),
    "cant": (Choice.CANT, Choice.REFUSED),
}
CameBy = Literal["member", "bluesky", "email", "name"]
_UNKNOWN: Final = Q(member=None, did="")
CAME_BY: Final[dict[CameBy, Q]] = {
    "member": Q(member__isnull=False),
    "bluesky": Q(member=None) & ~Q(did=""),
    "email": _UNKNOWN & Q(email_invitation__isnull=False),
    "name": _UNKNOWN & Q(email_invitation=None),  # a host added them
}
# Of whom required questions are asked (as in `questions.checked`).
_ASKED_OF: Final = (Choice.GOING, Choice.WAITING, Choice.OFFERED, Choice.ASKED)


@dataclass(frozen=True)
class GuestFilter:
    """All of it has to hold; what is empty narrows nothing. `q` is looked for in names and handles."""

    answer: AnswerGroup | None = None
    by: CameBy | None = None
    unanswered: bool = False  # a question that has to be answered is not
    q: str = ""

    def __bool__(self) -> bool:
        return bool(self.answer or self.by or self.unanswered or self.q)


def narrowed(answers: QuerySet[Rsvp], wanted: GuestFilter) -> QuerySet[Rsvp]:
    """The answers that fit all but `q`: names stand in several tables, and no database folds them."""
    if wanted.answer:
        answers = answers.filter(choice__in=ANSWERS[wanted.answer])
    if wanted.by:
        answers = answers.filter(CAME_BY[wanted.by])
    if wanted.unanswered:
        said = GivenAnswer.objects.filter(question=OuterRef("pk"), rsvp=OuterRef(OuterRef("pk")))
        owed = Question.objects.filter(~Exists(said), event=OuterRef("event"), required=True, retired_at=None)
        answers = answers.filter(Exists(owed), choice__in=_ASKED_OF)
    return answers
