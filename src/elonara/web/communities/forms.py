"""Creating and editing a community."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from elonara.communities.models import Community
from elonara.web.parts.fields import DESCRIPTION_HELP, VISIBILITY_CHOICES, TakeBackField, WithPicture, offer_take_back


class CommunityForm(WithPicture):
    """Create and edit a community."""

    name = forms.CharField(label=_("Name"), max_length=120, error_messages={"required": _("Give it a name.")})
    description = forms.CharField(
        label=_("What it is about"),
        required=False,
        help_text=DESCRIPTION_HELP,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    visibility = forms.ChoiceField(label=_("Who may see it"), choices=VISIBILITY_CHOICES)
    take_back = TakeBackField()
    joining = forms.ChoiceField(
        label=_("How people join"),
        choices=(
            ("open", _("anyone can join")),
            ("request", _("people ask first; admins and moderators accept or decline")),
        ),
        widget=forms.RadioSelect,
        initial="open",
        required=False,
        help_text=_("People who are invited do not need to ask. A private community can only be joined by invitation."),
    )
    members_add_events = forms.BooleanField(
        label=_("Members may add events"),
        required=False,
        help_text=_("Otherwise only admins and moderators can. Hosts keep their events; you can take an event out."),
    )
    field_order = (
        "name",
        "description",
        "visibility",
        "take_back",
        "joining",
        "members_add_events",
        "picture",
        "picture_alt",
    )

    def __init__(self, *args: Any, posts: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_take_back(self, posts)

    def values(self) -> dict[str, Any]:
        """Arguments for the action. What an edit keeps where nothing was chosen is left out: picture, way to join."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "take_back"}
        return {name: value for name, value in values.items() if name not in {"picture", "joining"} or value}

    @staticmethod
    def initial_of(community: Community) -> dict[str, Any]:
        """Initial values of the edit page."""
        return {
            name: getattr(community, name)
            for name in ("name", "description", "visibility", "joining", "members_add_events", "picture_alt")
        }
