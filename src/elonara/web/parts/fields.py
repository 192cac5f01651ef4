"""Form fields that several pages share. Forms only parse what was typed; the actions validate it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from elonara.communities.models import Visibility

VISIBILITY_CHOICES = [
    (Visibility.PUBLIC, gettext_lazy("Everyone")),
    (Visibility.PRIVATE, gettext_lazy("Only people who are invited")),
]
CHOOSE_PICTURE_AGAIN = gettext_noop("Choose the picture again: browsers drop files when a form comes back.")


DESCRIPTION_HELP = gettext_lazy("Plain text, or Markdown: **bold**, *italic*, lists, links.")

MIN_YEAR, MAX_YEAR = 1900, 9000
SELECTED = SafeString(" selected")


class LocalMoment(forms.DateTimeField):
    """A date and time without a time zone, which another field of the form gives."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        errors = {
            "invalid": gettext_lazy("Enter a day and a time, such as 2026-12-05 15:00."),
            "required": gettext_lazy("When does it start?"),
        }
        super().__init__(widget=widget, error_messages=errors, **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """A naive datetime, or None where the field is empty."""
        with timezone.override("UTC"):
            moment = super().to_python(value)
        if moment and not MIN_YEAR <= moment.year <= MAX_YEAR:  # other zones would have no such moment
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return moment.replace(tzinfo=None) if moment else None


class LongSelect(forms.Select):
    """A choice among hundreds, such as the time zones: the element of `Select`, without a template for each option.

    With them it takes six times as long, which was a good part of each form for an event.
    """

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,  # noqa: ARG002 - of templates, of which there are none here
    ) -> SafeString:
        """The element, with the options that `optgroups` makes of the field's choices, which are in no groups."""
        widget = self.get_context(name, value, attrs)["widget"]
        lines = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            (
                (option["value"], SELECTED if option["selected"] else "", option["label"])
                for _group, options, _index in widget["optgroups"]
                for option in options
            ),
        )
        return format_html('<select name="{}"{}>\n{}\n</select>', name, flatatt(widget["attrs"]), lines)


class TakeBackField(forms.BooleanField):
    """Whether the posts that name something are taken back when it becomes private."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=gettext_lazy("If I make it private, take its posts back"), required=False, **kwargs)

    def say(self, posts: str) -> None:
        """Say what stays: `posts` in words, such as "the announcement and 9 invitations"."""
        self.help_text = _(
            "On Bluesky, with link and title: {posts}. Posts stay there when it becomes private, until you take them "
            "back. Anyone who has not answered then loses the invitation; you can send each one once more."
        ).format(posts=posts)


def offer_take_back(form: forms.Form, posts: str) -> None:
    """Keep the field `take_back` of a form where there are `posts` (in words) that would stay, else remove it."""
    field = form.fields["take_back"]
    if posts and isinstance(field, TakeBackField):
        field.say(posts)
    else:
        del form.fields["take_back"]


class WithPicture(forms.Form):
    """A form that may carry a picture."""

    # Not an ImageField: that one decodes the file here, with every format that Pillow knows and without a limit.
    picture = forms.FileField(
        label=gettext_lazy("Picture"),
        required=False,
        help_text=gettext_lazy("Shown on the page and on the link’s card. JPEG, PNG or WebP."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        error_messages={"empty": gettext_lazy("This file is empty. Choose a JPEG, PNG or WebP.")},
    )
    picture_alt = forms.CharField(
        label=gettext_lazy("What the picture shows"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("With a picture of yours: one sentence for people who cannot see it."),
    )

    def full_clean(self) -> None:
        """Where another field is wrong, say that the file has to be chosen again: browsers drop it."""
        super().full_clean()
        if self.errors and "picture" not in self.errors and self.files.get("picture"):
            self.add_error("picture", _(CHOOSE_PICTURE_AGAIN))
