"""Creating and editing an event."""

from __future__ import annotations

from typing import Any

from django import forms

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.members.time_zones import zone, zone_names
from elonara.web.parts.fields import VISIBILITY_CHOICES, LocalMoment, TakeBackField, WithPicture, offer_take_back


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
    visibility = forms.ChoiceField(label="Who may see it", choices=VISIBILITY_CHOICES)
    take_back = TakeBackField()
    community = forms.ModelChoiceField(
        label="Community", queryset=Community.objects.none(), required=False, empty_label="None"
    )
    plus_ones_allowed = forms.IntegerField(
        label="How many people a guest may bring", min_value=0, max_value=20, initial=0, required=False
    )

    field_order = (
        "title", "starts_at", "ends_at", "timezone", "location", "description", "visibility", "take_back",
        "community", "plus_ones_allowed", "picture", "picture_alt",
    )  # fmt: skip

    def __init__(
        self, *args: Any, communities: Any = None, by_host: bool = True, posts: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name.replace("_", " ")) for name in zone_names()]
        group = self.fields["community"]
        assert isinstance(group, forms.ModelChoiceField)
        if communities is not None:
            group.queryset = communities
        if not by_host:  # a co-host changes neither
            del self.fields["visibility"], self.fields["community"]
        offer_take_back(self, posts if by_host else "")

    def values(self) -> dict[str, Any]:
        """Arguments for the action: aware times in the form's time zone; `picture` only where a file was chosen."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "take_back"}
        tz = zone(values["timezone"])
        for name in ("starts_at", "ends_at"):
            values[name] = values[name].replace(tzinfo=tz) if values[name] else None
        values["plus_ones_allowed"] = values["plus_ones_allowed"] or 0
        if not values["picture"]:
            del values["picture"]
        return values

    @staticmethod
    def initial_of(event: Event) -> dict[str, Any]:
        """Initial values of the edit page; times are naive, in the event's time zone."""
        tz = zone(event.timezone)
        names = ("title", "timezone", "location", "description", "visibility", "plus_ones_allowed", "picture_alt")
        return {name: getattr(event, name) for name in names} | {
            "community": event.community_id,
            "starts_at": event.starts_at.astimezone(tz).replace(tzinfo=None),
            "ends_at": event.ends_at.astimezone(tz).replace(tzinfo=None) if event.ends_at else None,
        }
