"""What those who run a community may do about an event in it that is not theirs: take it out.

The event stays its hosts'. Only they change it, and they hear that it is in no community any more.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from elonara.communities.models import Community
from elonara.communities.queries import may_invite
from elonara.events import hooks
from elonara.events.models import Event
from elonara.events.queries import host_rows
from elonara.members import audit
from elonara.members.actions import notify, require_active
from elonara.members.errors import NotAllowed
from elonara.members.models import Member


def take_out(event: Event, *, of: Community, by: Member) -> None:
    """Take an event out of a community; its admins and moderators may. The hosts are told. Raises NotAllowed."""
    require_active(by)
    if not may_invite(of, by):
        sentence = _("Only admins and moderators of {community} can take events out of it.")
        raise NotAllowed(sentence.format(community=of.name), "not_moderator")
    with transaction.atomic():
        row = Event.objects.select_for_update().get(pk=event.pk)
        if row.community_id != of.pk:
            sentence = _("{event} is no longer in {community}.").format(event=row.title, community=of.name)
            raise NotAllowed(sentence, "not_in_community")
        row.community = None
        row.save(update_fields=["community"])
        audit.record(by, "event_taken_out", of, row.slug)
        text = _("{name} took {event} out of {community}. It is still your event; its page and guests stay.")
        text = text.format(name=by.name, event=row.title, community=of.name)
        for host in host_rows(row).select_related("member"):
            if host.member_id != by.pk:
                notify(host.member, f"taken out:{row.pk}", text, f"/events/{row.slug}")
        hooks.changed(row, frozenset({"community"}))
    event.refresh_from_db()
