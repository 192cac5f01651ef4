"""Creating and editing an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.events.times import days_of
from elonara.members.time_zones import zone, zone_names
from elonara.web.parts.fields import (
    DESCRIPTION_HELP,
    VISIBILITY_CHOICES,
    LocalMoment,
    LongSelect,
    TakeBackField,
    WithPicture,
    offer_take_back,
)

DEFAULT_OFFER_HOURS = 24
NO_LIMIT = _("Empty: no limit.")


class EventForm(WithPicture):
    """Create and edit an event."""

    title = forms.CharField(label=_("Title"), max_length=120, error_messages={"required": _("Give it a title.")})
    starts_at = LocalMoment(label=_("Starts"))
    ends_at = LocalMoment(label=_("Ends"), required=False, help_text=_("Optional."))
    all_day = forms.BooleanField(
        label=_("All day"),
        required=False,
        help_text=_("Whole days, including the last one, without a time."),
        widget=forms.CheckboxInput(attrs={"data-whole-days": "id_starts_at id_ends_at"}),
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Where it happens. Guests see their own time beside it."),
        widget=LongSelect,
    )
    location = forms.CharField(label=_("Place"), required=False, max_length=300, help_text=_("A name and an address."))
    description = forms.CharField(
        label=_("Description"),
        required=False,
        help_text=DESCRIPTION_HELP,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    visibility = forms.ChoiceField(
        label=_("Who may see it"),
        choices=VISIBILITY_CHOICES,
        help_text=_(
            "For everyone: it is listed on this site. Only for invited people: it is not listed, nobody else can open "
            "the link, and posts name neither the event nor the place. Invitations on Bluesky are public posts in "
            "both cases: everyone can see who is invited."
        ),
    )
    take_back = TakeBackField()
    community = forms.ModelChoiceField(
        label=_("Community"),
        queryset=Community.objects.none(),
        required=False,
        empty_label=_("None"),
        widget=LongSelect,
    )
    capacity = forms.IntegerField(
        label=_("How many people can come"),
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=_(
            "Empty: no limit. People brought by guests count. When it is full, guests can join a waiting list."
        ),
    )
    fills = forms.ChoiceField(
        label=_("A place that becomes free"),
        choices=(
            ("itself", _("goes to the first person waiting")),
            ("offer", _("is offered to that person for some hours, then to the next")),
            ("hand", _("stays free until I give it to someone")),
        ),
        widget=forms.RadioSelect,
        initial="itself",
        required=False,
    )
    offer_hours = forms.IntegerField(
        label=_("Hours to accept an offered place"),
        min_value=1,
        max_value=720,
        initial=DEFAULT_OFFER_HOURS,
        required=False,
    )
    fill_cutoff_hours = forms.IntegerField(
        label=_("Hours before the start when nobody moves up any more"),
        min_value=0,
        max_value=720,
        initial=0,
        required=False,
    )
    attendance = forms.ChoiceField(
        label=_("Guests come"),
        choices=(("place", _("to the place")), ("online", _("online")), ("both", _("either way, as they choose"))),
        widget=forms.RadioSelect,
        initial="place",
        required=False,
    )
    online_link = forms.CharField(
        label=_("Link for those who join online"),
        required=False,
        max_length=500,
        help_text=_("Only hosts and guests who join online can see it."),
    )
    online_capacity = forms.IntegerField(
        label=_("How many people can join online"), min_value=1, max_value=100_000, required=False, help_text=NO_LIMIT
    )
    approval = forms.BooleanField(
        label=_("I approve each guest"),
        required=False,
        help_text=_("Guests ask to come, and you or a co-host accept them."),
    )
    place_hidden = forms.BooleanField(
        label=_("Show the place only to guests who are going"),
        required=False,
        help_text=_("Others only see that there is a place, here and wherever the event is shown."),
    )
    answers_until = LocalMoment(
        label=_("Answers until"),
        required=False,
        help_text=_("Optional. Later, guests can only say that they can’t come."),
    )
    guest_list_hidden = forms.BooleanField(label=_("Only hosts see who’s coming"), required=False)
    count_hidden = forms.BooleanField(label=_("Only hosts see how many are coming"), required=False)
    plus_ones_allowed = forms.IntegerField(
        label=_("How many people a guest may bring"), min_value=0, max_value=20, initial=0, required=False
    )

    mood = forms.ChoiceField(
        label=_("Cover"),
        choices=(
            (Event.Mood.ANY.value, _("Choose for me")),
            (Event.Mood.CALM.value, _("Calm")),
            (Event.Mood.LIVELY.value, _("Lively")),
            (Event.Mood.EVENING.value, _("Evening")),
            (Event.Mood.OUTDOORS.value, _("Outdoors")),
        ),
        widget=forms.RadioSelect,
        initial=Event.Mood.ANY,
        required=False,
        help_text=_(
            "Choose how it should feel: the cover is drawn for your title. A picture that you add below takes its "
            "place."
        ),
    )
    replies_to_host = forms.BooleanField(
        label=_("Guests can reply to my e-mail address"),
        required=False,
        help_text=_(
            "Replies to e-mails about this event then go to your confirmed address; otherwise the e-mails say that "
            "replies are not read."
        ),
    )

    def __init__(
        self,
        *args: Any,
        communities: Any = None,
        by_host: bool = True,
        posts: str = "",
        cover_shift: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.cover_shift = cover_shift  # of a copy: see `covers.choice.cover_of`
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name.replace("_", " ")) for name in zone_names()]
        group = self.fields["community"]
        assert isinstance(group, forms.ModelChoiceField)
        if communities is not None:
            group.queryset = communities
        if not by_host:  # a co-host changes none of them
            del self.fields["visibility"], self.fields["community"], self.fields["replies_to_host"]
        elif not settings.ELONARA.email.url:  # nothing could be replied to
            del self.fields["replies_to_host"]
        offer_take_back(self, posts if by_host else "")

    def clean(self) -> dict[str, Any]:
        """Keep how long the event is, where its start was put after an end that nobody has changed."""
        super().clean()
        given, was = self.cleaned_data, self.initial
        starts, ends, length = given.get("starts_at"), given.get("ends_at"), _length(was)
        if not (starts and ends and length) or ends != was.get("ends_at"):
            return given
        if ends < starts or (ends == starts and not given.get("all_day")):
            given["ends_at"] = starts + length
        return given

    def values(self) -> dict[str, Any]:
        """Arguments for the action: naive times of the form's time zone; `picture` only where a file was chosen."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "take_back"}
        values["attendance"] = values["attendance"] or "place"
        values["mood"] = values["mood"] or Event.Mood.ANY
        if values["all_day"]:
            values["ends_at"] = end_of_whole_days(values["starts_at"], values["ends_at"])
        fills = values.pop("fills") or "itself"
        values["fills_by_itself"] = fills != "hand"
        values["offer_hours"] = (values["offer_hours"] or DEFAULT_OFFER_HOURS) if fills == "offer" else 0
        for name in ("plus_ones_allowed", "fill_cutoff_hours"):
            values[name] = values[name] or 0
        if not values["picture"]:
            del values["picture"]
        return values

    @staticmethod
    def initial_of(event: Event) -> dict[str, Any]:
        """Initial values of the edit page; times are naive, in the event's time zone."""
        names = (
            "title", "all_day", "timezone", "location", "description", "visibility", "capacity",
            "fill_cutoff_hours", "approval", "place_hidden", "guest_list_hidden",
            "count_hidden", "attendance", "online_link", "online_capacity", "plus_ones_allowed", "picture_alt",
            "replies_to_host", "mood",
        )  # fmt: skip
        return {name: getattr(event, name) for name in names} | {
            "community": event.community_id,
            "fills": ("offer" if event.offer_hours else "itself") if event.fills_by_itself else "hand",
            "offer_hours": event.offer_hours or DEFAULT_OFFER_HOURS,
            "starts_at": _on_its_clock(event, event.starts_at),
            "ends_at": _last_day(event) if event.all_day else _on_its_clock(event, event.ends_at),
            "answers_until": _on_its_clock(event, event.answers_until),
        }


def _length(initial: Mapping[str, Any]) -> timedelta | None:
    """How long the event is that the form began with; None where that is unknown."""
    starts, ends = initial.get("starts_at"), initial.get("ends_at")
    return ends - starts if starts and ends else None


def _on_its_clock(event: Event, moment: datetime | None) -> datetime | None:
    return moment.astimezone(zone(event.timezone)).replace(tzinfo=None) if moment else None


def _last_day(event: Event) -> datetime:
    return datetime.combine(days_of(event)[1], time())


def end_of_whole_days(start: datetime, end: datetime | None) -> datetime | None:
    """The last day that somebody typed is part of the event; the end that is stored is not."""
    if end is None or end.date() < start.date():
        return end  # one day, or wrong: the action says so
    return datetime.combine(end.date() + timedelta(days=1), time())
