"""The writes about members: all other packages call these functions. Reads are in `queries`."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.members.errors import Invalid, LinkRefused, NotAllowed, RegistrationClosed
from elonara.members.first_run import claim_first_operator, create_operator, first_run_link
from elonara.members.models import Member
from elonara.members.notices import dismiss, notify, settle
from elonara.members.registration import member_for_new_did
from elonara.members.standing import approve, end_sessions, require_active, require_operator, set_rights, suspend
from elonara.members.text import many_lines, one_line
from elonara.members.time_zones import is_zone

__all__ = [
    "Invalid",
    "LinkRefused",
    "NotAllowed",
    "RegistrationClosed",
    "approve",
    "claim_first_operator",
    "create_operator",
    "dismiss",
    "end_sessions",
    "first_run_link",
    "member_for_new_did",
    "notify",
    "require_active",
    "require_operator",
    "set_rights",
    "settle",
    "suspend",
    "update_profile",
]

MAX_LENGTHS = {"display_name": 64, "bio": 500}
TOO_LONG = {
    "display_name": gettext_noop("The name has {count} characters; {longest} fit."),
    "bio": gettext_noop("The text about you has {count} characters; {longest} fit."),
}


def update_profile(member: Member, **fields: Any) -> Member:
    """Change any of `display_name`, `bio`, `timezone` (IANA name, "" for none) and `theme`.

    Raises Invalid with a sentence per wrong field, TypeError for another field.
    """
    unknown = fields.keys() - {"display_name", "bio", "timezone", "theme"}
    if unknown:
        raise TypeError(f"update_profile has no {sorted(unknown)[0]!r}")
    values = {name: (many_lines if name == "bio" else one_line)(value) for name, value in fields.items()}
    errors = {
        name: _(TOO_LONG[name]).format(count=len(values[name]), longest=longest)
        for name, longest in MAX_LENGTHS.items()
        if len(values.get(name, "")) > longest
    }
    if values.get("timezone") and not is_zone(values["timezone"]):
        sentence = _("There is no time zone {zone}. Choose one such as Europe/Berlin.")
        errors["timezone"] = sentence.format(zone=repr(values["timezone"][:64]))
    if "theme" in values and values["theme"] not in Member.Theme.values:
        errors["theme"] = _("Choose light, dark, or the system's.")
    if errors:
        raise Invalid(errors)
    if values:
        for name, value in values.items():
            setattr(member, name, value)
        member.save(update_fields=sorted(values))
    return member
