"""The operator's form of a member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError

from elonara.members.models import Member
from elonara.members.usernames import refusal

if TYPE_CHECKING:
    MemberModelForm = forms.ModelForm[Member]
else:  # Django's class takes no type argument at run time
    MemberModelForm = forms.ModelForm


class MemberForm(MemberModelForm):
    """A member; a new username has to be one that could be taken at registration."""

    def clean_username(self) -> str:
        """Refuse a changed name that looks like somebody else's; one from before stays."""
        username = str(self.cleaned_data["username"])
        if "username" in self.changed_data and (sentence := refusal(username)):
            raise ValidationError(sentence)
        return username
