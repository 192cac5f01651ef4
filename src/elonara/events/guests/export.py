"""The guest list as a table for a spreadsheet (CSV, RFC 4180), for hosts alone."""

from __future__ import annotations

import csv
import io
from typing import Final

from django.utils.translation import gettext as _

from elonara.events.guests import questions
from elonara.events.guests.guest_list import guest_list
from elonara.events.guests.narrowing import GuestFilter
from elonara.events.models import Event, Rsvp
from elonara.events.queries import may_manage
from elonara.members.actions import require_active
from elonara.members.errors import NotAllowed
from elonara.members.models import Member

BOM: Final = "\ufeff"  # without it Excel reads UTF-8 as another encoding
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute instead of showing it
_NOT_COMING: Final = (Rsvp.Choice.CANT, Rsvp.Choice.REFUSED)


def guests_csv(event: Event, by: Member, wanted: GuestFilter | None = None) -> str:
    """Everybody who answered and fits, with notes and the answers to questions. Raises NotAllowed."""
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the hosts of this event may do that."), "not_host")
    guests = guest_list(event, by, wanted=wanted).guests
    asked = questions.answered(event)
    given = questions.given([guest.rsvp for guest in guests])
    out = io.StringIO()
    out.write(BOM)
    table = csv.writer(out)
    titles = [_("Name"), "Bluesky", _("Answer"), _("People"), _("Online"), _("Note")]
    table.writerow([*titles, *(_harmless(row.text) for row in asked)])
    yes, no = _("yes"), _("no")
    for guest in guests:
        people = 0 if guest.choice in _NOT_COMING else 1 + guest.plus_ones
        cells = [guest.name, guest.handle, guest.choice, str(people), yes if guest.online else no, guest.note]
        cells += [given[guest.rsvp].get(row.pk, "") for row in asked]
        table.writerow(map(_harmless, cells))
    return out.getvalue()


def _harmless(cell: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
