"""What people type into the site, in the words of the pages. Rules live in the actions; a form only reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from elonara.communities.models import Community, Visibility
from elonara.events.models import Event
from elonara.members.models import Member
from elonara.members.time_zones import zone, zone_names

WHO_SEES = [(Visibility.PUBLIC, "Everyone"), (Visibility.PRIVATE, "Only people who are invited")]
AGAIN = "Choose the picture once more: browsers do not keep files when a form comes back."


class LocalMoment(forms.DateTimeField):
    """A date and a time without a zone: the form's own zone field says where."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        errors = {"invalid": "Write a day and a time, such as 2026-12-05 15:00.", "required": "When does it start?"}
        super().__init__(widget=widget, error_messages=errors, **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """A naive datetime, or None for nothing."""
        with timezone.override("UTC"):
            moment = super().to_python(value)
        return moment.replace(tzinfo=None) if moment else None


class WithPicture(forms.Form):
    """A form that may carry a picture."""

    picture = forms.ImageField(
        label="Picture",
        required=False,
        help_text="Shown on the page and on the link’s card. JPEG, PNG or WebP.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        error_messages={"invalid_image": "This file is not a picture we can read. Use JPEG, PNG or WebP."},
    )
    picture_alt = forms.CharField(
        label="What the picture shows",
        required=False,
        max_length=300,
        help_text="One sentence for people who cannot see it.",
    )

    def full_clean(self) -> None:
        """Say that a chosen file has to be chosen again when something else was wrong."""
        super().full_clean()
        if self.errors and "picture" not in self.errors and self.files.get("picture"):
            self.add_error("picture", AGAIN)


class EventForm(WithPicture):
    """Create and edit an event."""

    title = forms.CharField(label="Title", max_length=120, error_messages={"required": "Give it a title."})
    starts_at = LocalMoment(label="Starts")
    ends_at = LocalMoment(label="Ends", required=False, help_text="Optional.")
    timezone = forms.ChoiceField(label="Time zone", help_text="Where it happens. Guests see their own time beside it.")
    location = forms.CharField(label="Place", required=False, max_length=300, help_text="A name and an address.")
    description = forms.CharField(
        label="Description", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 5})
    )
    visibility = forms.ChoiceField(label="Who may see it", choices=WHO_SEES)
    community = forms.ModelChoiceField(
        label="Community", queryset=Community.objects.none(), required=False, empty_label="None"
    )
    plus_ones_allowed = forms.IntegerField(
        label="How many people a guest may bring", min_value=0, max_value=20, initial=0, required=False
    )

    field_order = (
        "title", "starts_at", "ends_at", "timezone", "location", "description", "visibility", "community",
        "plus_ones_allowed", "picture", "picture_alt",
    )  # fmt: skip

    def __init__(self, *args: Any, communities: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name.replace("_", " ")) for name in zone_names()]
        group = self.fields["community"]
        assert isinstance(group, forms.ModelChoiceField)
        if communities is not None:
            group.queryset = communities

    def values(self) -> dict[str, Any]:
        """The action's arguments: moments with the form's zone; a picture only where one was chosen."""
        kept = dict(self.cleaned_data)
        place = zone(kept["timezone"])
        for name in ("starts_at", "ends_at"):
            kept[name] = kept[name].replace(tzinfo=place) if kept[name] else None
        kept["plus_ones_allowed"] = kept["plus_ones_allowed"] or 0
        if not kept["picture"]:
            del kept["picture"]
        return kept

    @staticmethod
    def initial_of(event: Event) -> dict[str, Any]:
        """What the edit page begins with."""
        place = zone(event.timezone)
        names = ("title", "timezone", "location", "description", "visibility", "plus_ones_allowed", "picture_alt")
        return {name: getattr(event, name) for name in names} | {
            "community": event.community_id,
            "starts_at": event.starts_at.astimezone(place).replace(tzinfo=None),
            "ends_at": event.ends_at.astimezone(place).replace(tzinfo=None) if event.ends_at else None,
        }


class CommunityForm(WithPicture):
    """Create and edit a community."""

    name = forms.CharField(label="Name", max_length=120, error_messages={"required": "Give it a name."})
    description = forms.CharField(
        label="What it is about", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 5})
    )
    visibility = forms.ChoiceField(label="Who may see it", choices=WHO_SEES)
    field_order = ("name", "description", "visibility", "picture", "picture_alt")

    def values(self) -> dict[str, Any]:
        """The action's arguments; a picture only where one was chosen."""
        return {name: value for name, value in self.cleaned_data.items() if name != "picture" or value}

    @staticmethod
    def initial_of(community: Community) -> dict[str, Any]:
        """What the edit page begins with."""
        return {name: getattr(community, name) for name in ("name", "description", "visibility", "picture_alt")}


class AnswerForm(forms.Form):
    """Going, Maybe, Can't, and what a guest may add."""

    answer = forms.ChoiceField(
        choices=[(name, name) for name in ("going", "maybe", "cant", "joined", "declined")],
        error_messages={"required": "Choose Going, Maybe or Can’t.", "invalid_choice": "Choose Going, Maybe or Can’t."},
    )
    plus_ones = forms.IntegerField(required=False, min_value=0, max_value=20)
    note = forms.CharField(required=False, max_length=500)


class RsvpForm(AnswerForm):
    """The answer of somebody who came by a letter, with the name that the other guests read."""

    name = forms.CharField(required=False, max_length=100)


class ProfileForm(forms.Form):
    """About you."""

    display_name = forms.CharField(label="Name", required=False, help_text="What other people read.")
    bio = forms.CharField(label="About you", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    timezone = forms.ChoiceField(label="Time zone", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [("", "As the device says")] + [(name, name.replace("_", " ")) for name in zone_names()]

    @staticmethod
    def initial_of(member: Member) -> dict[str, Any]:
        """What the page begins with."""
        return {name: getattr(member, name) for name in ("display_name", "bio", "timezone")}


class AppPasswordForm(forms.Form):
    """The app password a member pastes. Never filled in again, whatever went wrong."""

    identifier = forms.CharField(label="Bluesky handle", max_length=300)
    app_password = forms.CharField(
        label="App password",
        max_length=200,
        strip=True,
        help_text="Nineteen characters, like abcd-efgh-ijkl-mnop. It is stored encrypted.",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )


class OperatorForm(forms.Form):
    """The first operator's account."""

    username = forms.CharField(label="Username", max_length=150)
    display_name = forms.CharField(label="Name", max_length=64, required=False, help_text="What other people read.")
    email = forms.EmailField(label="E-mail address", required=False, help_text="Optional.")
    password = forms.CharField(
        label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )
