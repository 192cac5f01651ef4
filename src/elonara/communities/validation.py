"""Validation of what people type about a community, with a sentence per wrong field."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.models import Joining, Visibility
from elonara.members.errors import Invalid
from elonara.members.text import many_lines, one_line

__all__ = ["NAME_LENGTH", "clean", "many_lines", "one_line", "too_long"]

NAME_LENGTH = 120


def too_long(label: str, value: str, most: int) -> str:
    """The sentence about a text that is too long, or ""."""
    length = len(value)
    if length <= most:
        return ""
    sentence = ngettext(
        "{label} has {count} character; {most} fit.", "{label} has {count} characters; {most} fit.", length
    )
    return sentence.format(label=label, count=length, most=most)


def clean(fields: dict[str, Any]) -> dict[str, Any]:
    """The given fields of a community as they will be stored. Raises Invalid with a sentence per wrong field."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if "name" in fields:
        values["name"] = one_line(fields["name"])
        errors["name"] = (
            too_long(_("The name"), values["name"], NAME_LENGTH) if values["name"] else _("Give the community a name.")
        )
    if "description" in fields:
        values["description"] = many_lines(fields["description"])
        errors["description"] = too_long(_("The description"), values["description"], 5000)
    if "picture_alt" in fields:
        values["picture_alt"] = one_line(fields["picture_alt"])
        errors["picture_alt"] = too_long(_("The description of the picture"), values["picture_alt"], 300)
    if "visibility" in fields:
        values["visibility"] = str(fields["visibility"] or "")
        if values["visibility"] not in Visibility.values:
            errors["visibility"] = _("Choose public or private.")
    if "joining" in fields:
        values["joining"] = str(fields["joining"] or "")
        if values["joining"] not in Joining.values:
            errors["joining"] = _("Choose open or request.")
    if "members_add_events" in fields:
        values["members_add_events"] = bool(fields["members_add_events"])
    errors = {name: sentence for name, sentence in errors.items() if sentence}
    if errors:
        raise Invalid(errors)
    return values
