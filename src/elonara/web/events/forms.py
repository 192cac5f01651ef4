"""Creating and editing an event."""

from __future__ import annotations

from typing import Any

from django import forms

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.members.time_zones import zone, zone_names
from elonara.web.parts.fields import VISIBILITY_CHOICES, LocalMoment, WithPicture


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
