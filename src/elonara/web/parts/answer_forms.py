"""The forms for a guest's answer (RSVP), shared by all pages that take one."""

from __future__ import annotations

from django import forms


class AnswerForm(forms.Form):
    """Going, Maybe, Can't, and what a guest may add."""

    answer = forms.ChoiceField(
        choices=[(name, name) for name in ("going", "maybe", "cant", "joined", "declined")],
        error_messages={"required": "Choose Going, Maybe or Can’t.", "invalid_choice": "Choose Going, Maybe or Can’t."},
    )
    plus_ones = forms.IntegerField(required=False, min_value=0, max_value=20)
    note = forms.CharField(required=False, max_length=500)


class RsvpForm(AnswerForm):
    """The answer of somebody invited by e-mail, with the name that is shown to the other guests."""

    name = forms.CharField(required=False, max_length=100)
