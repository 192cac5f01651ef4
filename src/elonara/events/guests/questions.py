"""Questions that hosts ask with "Can you come?", and what guests answered. Hosts alone read the answers.

A question that somebody has answered is never changed under its answers: where its words, its kind or its options
change, it is retired and stays with what was said, and the new one is asked anew. Order and "required" may change.
Whoever was coming before a question was added is not held up by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.validation import many_lines, one_line, too_long
from elonara.compiled_queries import CompiledQuery
from elonara.events.guests import places
from elonara.events.models import Event, GivenAnswer, Question, Rsvp
from elonara.events.queries import is_cancelled, may_manage
from elonara.members.actions import require_active
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Member

MAX_QUESTIONS: Final = 10
MAX_TEXT_LENGTH: Final = 200
MAX_OPTIONS: Final = 20
MAX_OPTION_LENGTH: Final = 100
MAX_ANSWER_LENGTH: Final = 500
MAX_NUMBER: Final = 1000
YES_OR_NO: Final = ("yes", "no")
PREFIX: Final = "question_"  # of a field's name and of an error, before the id
_COMING: Final = (Rsvp.Choice.GOING, Rsvp.Choice.WAITING, Rsvp.Choice.OFFERED, Rsvp.Choice.ASKED)
Kind = Question.Kind

_ASKED = CompiledQuery(lambda event: Question.objects.filter(event=event, retired_at=None).order_by("position", "pk"))


def of_event(event: Event) -> list[Question]:
    """The questions that are asked now, in their order."""
    return _ASKED.all(event=event.pk)


def answered(event: Event) -> list[Question]:
    """The questions that a host reads answers to: those asked now, then retired ones."""
    rows = Question.objects.filter(event=event)
    return sorted(rows, key=lambda row: (row.retired_at is not None, row.position, row.pk))


def given(rsvps: Collection[int]) -> dict[int, dict[int, str]]:
    """What was answered: by the id of the RSVP, then of the question. One query."""
    found: dict[int, dict[int, str]] = {pk: {} for pk in rsvps}
    for rsvp, question, value in GivenAnswer.objects.filter(rsvp__in=rsvps).values_list("rsvp", "question", "value"):
        found[rsvp][question] = value
    return found


def ask(event: Event, by: Member, wanted: Sequence[Mapping[str, Any]]) -> list[Question]:
    """Ask these questions and no others, in this order. Returns them.

    Each has `text`, `kind`, `required`, for a choice `options`, and the `id` of the question that it is, if any. Raises
    NotAllowed, and Invalid by the number of the question, from 1.
    """
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event can ask questions."), "not_host")
    values = _checked_questions(wanted)
    with transaction.atomic():
        locked = places.lock(event)
        if is_cancelled(locked):
            raise NotAllowed(_("This event was cancelled; it can no longer be changed."), "cancelled")
        before = {row.pk: row for row in of_event(locked)}
        kept: set[int] = set()
        for position, fields in enumerate(values):
            row = before.get(fields.pop("id"))
            if row is not None and row.pk not in kept and (_says(row) == _said(fields) or not _is_answered(row)):
                kept.add(row.pk)
                Question.objects.filter(pk=row.pk).update(position=position, **fields)
            else:
                kept.add(Question.objects.create(event=locked, position=position, **fields).pk)
        gone = Question.objects.filter(event=locked, retired_at=None).exclude(pk__in=kept)
        with_answers = GivenAnswer.objects.filter(question__in=gone).values("question_id")
        Question.objects.filter(pk__in=[row["question_id"] for row in with_answers]).update(retired_at=timezone.now())
        gone.delete()
    return of_event(event)


def checked(
    event: Event, row: Rsvp | None, choice: str, said: Mapping[str, Any], plus_ones: int
) -> tuple[dict[int, str], dict[str, str]]:
    """The answers of a guest as they are stored, by question; and the errors, by field.

    `said`: by the question's id as text; what is not in it stays as it is. What is said to no question that is asked
    now is left out. `row` is the person's RSVP until now.
    """
    values: dict[int, str] = {}
    errors: dict[str, str] = {}
    if choice == Rsvp.Choice.CANT:
        return values, errors
    new = choice == Rsvp.Choice.GOING and (row is None or row.choice not in _COMING)
    before = given([row.pk])[row.pk] if row is not None and row.pk else {}
    for question in of_event(event):
        raw = said.get(str(question.pk))
        if raw is None:
            if question.required and new and not before.get(question.pk):
                errors[f"{PREFIX}{question.pk}"] = f"{question.text} {_('Please answer.')}"
            elif question.kind == Kind.CHILDREN and int(before.get(question.pk) or 0) > plus_ones:
                values[question.pk] = str(plus_ones)
            continue
        value, sentence = _value(question, raw, plus_ones)
        if not value and question.required and choice == Rsvp.Choice.GOING:
            sentence = sentence or _("Please answer.")
        if sentence:
            errors[f"{PREFIX}{question.pk}"] = f"{question.text} {sentence}"
        values[question.pk] = value
    return values, errors


def store(row: Rsvp, values: Mapping[int, str]) -> None:
    """Store the answers of a guest; an empty one is taken away."""
    for question, value in values.items():
        if value:
            GivenAnswer.objects.update_or_create(rsvp=row, question_id=question, defaults={"value": value})
        else:
            GivenAnswer.objects.filter(rsvp=row, question_id=question).delete()


def join(kept: Rsvp, other: Rsvp, later: Rsvp) -> None:
    """Give `kept` the answers of `other`, which is deleted next; where both have one, that of `later`."""
    mine, theirs = GivenAnswer.objects.filter(rsvp=kept), GivenAnswer.objects.filter(rsvp=other)
    doubled = set(mine.values_list("question", flat=True)) & set(theirs.values_list("question", flat=True))
    (mine if later.pk == other.pk else theirs).filter(question__in=doubled).delete()
    theirs.update(rsvp=kept)


def _value(question: Question, raw: Any, plus_ones: int) -> tuple[str, str]:
    """What is stored, and the sentence that says what is wrong with it, or ""."""
    text = many_lines(raw)
    if not text:
        return "", ""
    match question.kind:
        case Kind.TEXT:
            return text, too_long(_("The answer"), text, MAX_ANSWER_LENGTH)
        case Kind.CHOICE:
            return text, "" if text in question.options else _("Choose one of the answers.")
        case Kind.YES_NO:
            return text, "" if text in YES_OR_NO else _("Answer yes or no.")
        case Kind.CHILDREN:
            number = _number(text)
            sentence = _("You bring {count}, so 0 to {count} fit.").format(count=plus_ones)
            return str(number), "" if 0 <= number <= plus_ones else sentence
        case _:
            number = _number(text)
            sentence = _("Enter a number from 0 to {most}.").format(most=MAX_NUMBER)
            return str(number), "" if 0 <= number <= MAX_NUMBER else sentence


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1


def _checked_questions(wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if len(wanted) > MAX_QUESTIONS:
        sentence = ngettext(
            "An event has at most {count} question.", "An event has at most {count} questions.", MAX_QUESTIONS
        )
        raise Invalid({"questions": sentence.format(count=MAX_QUESTIONS)})
    values, errors = [], {}
    for number, fields in enumerate(wanted, 1):
        text, kind = one_line(fields.get("text", "")), str(fields.get("kind", Kind.TEXT))
        options = [one_line(option) for option in fields.get("options") or () if one_line(option)]
        sentence = too_long(_("The question"), text, MAX_TEXT_LENGTH) if text else _("Enter the question.")
        if kind not in Kind.values:
            sentence = sentence or _("Choose what is answered: text, a choice, a number, yes or no.")
        if kind != Kind.CHOICE:
            options = []
        elif not 2 <= len(set(options)) == len(options) <= MAX_OPTIONS:
            sentence = sentence or _("A choice has 2 to {most} different answers.").format(most=MAX_OPTIONS)
        elif any(len(option) > MAX_OPTION_LENGTH for option in options):
            long = _("An answer to choose has up to {most} characters.").format(most=MAX_OPTION_LENGTH)
            sentence = sentence or long
        if sentence:
            errors[str(number)] = _("Question {number}: {sentence}").format(number=number, sentence=sentence)
        required = bool(fields.get("required"))
        values.append({"id": fields.get("id"), "text": text, "kind": kind, "options": options, "required": required})
    if sum(each["kind"] == Kind.CHILDREN for each in values) > 1:
        errors["children"] = _("Ask for the number of children once.")
    if errors:
        raise Invalid(errors)
    return values


def _says(row: Question) -> tuple[Any, ...]:
    return (row.text, row.kind, row.options)


def _said(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    return (fields["text"], fields["kind"], fields["options"])


def _is_answered(row: Question) -> bool:
    return GivenAnswer.objects.filter(question=row).exists()
