"""Whether a member may create one more event today."""

from django.utils.translation import ngettext

from elonara.events.models import Event
from elonara.members import daily_limits
from elonara.members.actions import require_active
from elonara.members.models import Member


def require_another(host: Member) -> None:
    """Raise NotAllowed unless the member may create an event now."""
    require_active(host)
    limit = daily_limits.EVENTS_A_DAY
    sentence = ngettext(
        "You have created {count} event within a day. Create the next one tomorrow.",
        "You have created {count} events within a day. Create the next one tomorrow.",
        limit,
    )
    daily_limits.require_below(limit, Event.objects.filter(created_by=host), sentence)
