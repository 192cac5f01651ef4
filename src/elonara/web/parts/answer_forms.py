"""The forms for a guest's answer (RSVP), shared by all pages that take one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from elonara.events.guests import questions
from elonara.events.models import Event, Question, Rsvp
from elonara.members.text import many_lines


class _Lines(forms.CharField):
    """Text of several lines. Browsers count a line break as one character, and send two."""

    def to_python(self, value: Any) -> str:
        """The text as it is stored."""
        return many_lines(super().to_python(value))


class AnswerForm(forms.Form):
    """Going, Maybe, Can't, and what a guest may add."""

    answer = forms.ChoiceField(
        choices=[(name, name) for name in ("going", "online", "maybe", "cant", "joined", "declined")],
        error_messages={
            "required": gettext_lazy("Choose Going, Maybe or Can’t."),
            "invalid_choice": gettext_lazy("Choose Going, Maybe or Can’t."),
        },
    )
    plus_ones = forms.IntegerField(required=False, min_value=0, max_value=20)
    note = _Lines(required=False, max_length=500)
    seen = forms.CharField(required=False, max_length=100)  # `times.shown_mark` of the page with the buttons

    def __init__(self, data: Mapping[str, Any] | None = None, *, event: Event | None = None) -> None:
        super().__init__(data)
        self.asked = questions.of_event(event) if event is not None else []
        for question in self.asked:
            # What fits is said by the action, in the words of the question.
            self.fields[f"{questions.PREFIX}{question.pk}"] = forms.CharField(required=False)

    def choice(self) -> str:
        """What was pressed, whichever way she comes."""
        return choice_of(self.cleaned_data["answer"])[0]

    def online(self) -> bool:
        """Whether she comes online."""
        return choice_of(self.cleaned_data["answer"])[1]

    def answers(self) -> dict[str, str]:
        """What was sent to the questions, by their ids. A button without their fields, as in the inbox, sends none."""
        return answers_in({name: value for name, value in self.cleaned_data.items() if name in self.data})

    def values(self) -> dict[str, Any]:
        """What the guest says, as `rsvps.check` and, with `online`, `rsvps.respond` take it.

        None for what a button without its field, as in the inbox, does not say.
        """
        return {
            "choice": self.choice(),
            "plus_ones": (self.cleaned_data["plus_ones"] or 0) if "plus_ones" in self.data else None,
            "note": self.cleaned_data["note"] if "note" in self.data else None,
            "answers": self.answers(),
        }

    def action(self, *, known: bool) -> dict[str, Any]:
        """Everything that was sent, to be done once the guest has proved who she is; `answers_in` reads it.

        Unless she is `known`, the page could not show what she said before: an empty field does not take that back.
        """
        sent = {name: value for name, value in self.cleaned_data.items() if name in self.data}
        return {name: value for name, value in sent.items() if known or value or name not in {"plus_ones", "note"}}

    def shown(self, mine: Rsvp | None) -> list[AskedQuestion]:
        """The questions with what the guest has typed, or answered before."""
        before = questions.given([mine.pk])[mine.pk] if mine is not None and self.asked else {}
        return [self._shown(question, before) for question in self.asked]

    def _shown(self, question: Question, before: dict[int, str]) -> AskedQuestion:
        name = f"{questions.PREFIX}{question.pk}"
        typed = self.data.get(name) if self.is_bound else None
        errors: list[str] = list(map(str, self.errors.get(name, []))) if self.is_bound else []
        options = questions.YES_OR_NO if question.kind == Question.Kind.YES_NO else tuple(question.options)
        value = before.get(question.pk, "") if typed is None else typed
        return AskedQuestion(question, name, value, options, " ".join(errors))


@dataclass(frozen=True)
class AskedQuestion:
    """One question of a form."""

    question: Question
    name: str
    value: str
    options: tuple[str, ...]
    error: str


def any_open(asked: Iterable[AskedQuestion]) -> bool:
    """Whether the guest has not answered one of the questions yet."""
    return any(not one.value for one in asked)


def choice_of(answer: str) -> tuple[str, bool]:
    """The choice behind a button, and whether it is to come online."""
    return ("going", True) if answer == "online" else (answer, False)


def answers_in(values: Mapping[str, Any]) -> dict[str, str]:
    """The answers to questions among the values of a form, by the ids of the questions."""
    prefix = questions.PREFIX
    return {name.removeprefix(prefix): str(value) for name, value in values.items() if name.startswith(prefix)}


class RsvpForm(AnswerForm):
    """The answer of somebody invited by e-mail, with the name that is shown to the other guests."""

    name = forms.CharField(required=False, max_length=100)
