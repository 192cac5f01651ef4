"""A member's profile, the app password, and the first operator's account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from elonara.members.models import Member
from elonara.members.time_zones import zone_names
from elonara.web.parts.fields import LongSelect


class ProfileForm(forms.Form):
    """About you."""

    display_name = forms.CharField(label=_("Name"), required=False, help_text=_("What other people see."))
    bio = forms.CharField(label=_("About you"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    timezone = forms.ChoiceField(label=_("Time zone"), required=False, widget=LongSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [("", _("As the device says"))] + [(name, name.replace("_", " ")) for name in zone_names()]

    @staticmethod
    def initial_of(member: Member) -> dict[str, Any]:
        """Initial values of the page."""
        return {name: getattr(member, name) for name in ("display_name", "bio", "timezone")}


class AppPasswordForm(forms.Form):
    """The app password that a member pastes. A page that shows the form again never contains it."""

    identifier = forms.CharField(label=_("Bluesky handle"), max_length=300)
    app_password = forms.CharField(
        label=_("App password"),
        max_length=200,
        strip=True,
        help_text=_("Nineteen characters, like abcd-efgh-ijkl-mnop. It is stored encrypted."),
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )


class OperatorForm(forms.Form):
    """The first operator's account."""

    username = forms.CharField(label=_("Username"), max_length=150)
    display_name = forms.CharField(
        label=_("Name"), max_length=64, required=False, help_text=_("What other people see.")
    )
    email = forms.EmailField(label=_("E-mail address"), required=False, help_text=_("Optional."))
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )
