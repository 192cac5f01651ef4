"""Writes to events: create, change, cancel, add and remove co-hosts."""

import copy
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone as clock
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.communities import queries as communities
from elonara.communities import transfer_rows
from elonara.communities.actions import put, put_picture, set_hidden
from elonara.communities.models import Community
from elonara.communities.pictures import prepare
from elonara.communities.slugs import save_with_slug
from elonara.events import hooks
from elonara.events.messages import telling
from elonara.events.messages.notices import take_back
from elonara.events.models import Event, EventHost, Rsvp
from elonara.events.queries import is_cancelled, is_over, may_manage, role_of
from elonara.events.validation.fields import SETTINGS, clean, clean_word
from elonara.members import audit, daily_limits
from elonara.members.actions import notify, require_active, settle
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Creation, Member
from elonara.members.queries import may_act

__all__ = [
    "Invalid", "NotAllowed", "accept_cohost", "add_cohost", "asked_kind", "cancel", "change", "create",
    "decline_cohost", "hide", "remove_cohost", "require_first_host", "unhide",
]  # fmt: skip

CANCELLED = gettext_noop("This event was cancelled; it can no longer be changed.")
ONLY_HOST_CHOOSES = gettext_noop("Only the host chooses co-hosts.")
ONLY_HOST_CHANGES = gettext_noop(
    "Only the host changes who may see the event, its community, and whether guests can reply to her."
)
MAX_COHOSTS = 20  # of one event, those who were asked or said no included: each of them gets a notice

CHANGEABLE = SETTINGS | {
    "title", "starts_at", "ends_at", "all_day", "timezone", "description", "location", "visibility", "community",
    "picture", "picture_alt",
}  # fmt: skip
# Who may see it, (by the roles in a community) who may invite to it, and who reads her address: the host alone decides.
HOST_ALONE = frozenset({"visibility", "community", "replies_to_host"})
# What a guest sees in her calendar: a change of these raises SEQUENCE (RFC 5545, section 3.8.7.4).
CALENDAR_FIELDS = frozenset({
    "title", "starts_at", "ends_at", "all_day", "timezone", "location", "place_hidden", "attendance", "online_link",
    "status",
})  # fmt: skip


def create(
    host: Member,
    *,
    title: str,
    starts_at: Any,
    timezone: str,
    ends_at: Any = None,
    all_day: bool = False,
    description: str = "",
    location: str = "",
    visibility: str = "public",
    community: Community | None = None,
    picture: Any = None,
    picture_alt: str = "",
    **settings: Any,
) -> Event:
    """Create an event with its host. Times are aware, or naive and then local times of `timezone` (an IANA name).

    `all_day`: the whole days that they touch. `picture` is bytes or a file; `settings` are those of
    `validation.fields.SETTINGS` that differ from what the model says.
    Raises NotAllowed, Invalid with a sentence per field, and TypeError for a setting that does not exist.
    """
    _require_known(settings.keys() - SETTINGS)
    require_active(host)
    values = clean(
        {
            "title": title,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "all_day": all_day,
            "timezone": timezone,
            "description": description,
            "location": location,
            "visibility": visibility,
            "picture_alt": picture_alt,
            **settings,
        }
    )
    _require_role_in(community, host)
    prepared = prepare(picture) if picture else None
    event = Event(created_by=host, community=community, **values)
    with transaction.atomic():
        daily_limits.count_in(host, Creation.Kind.EVENT)
        if prepared is not None:
            event.picture.save(prepared.name or "", prepared, save=False)
        save_with_slug(event, values["title"], "event", private=values["visibility"] == "private")
        EventHost.objects.create(event=event, member=host, role=EventHost.Role.HOST, accepted_at=clock.now())
    return event


def change(event: Event, *, by: Member, **fields: Any) -> Event:
    """Change the given fields and keep the others, as with PATCH. `picture=""` removes it, `picture=None` keeps it.

    Raises NotAllowed, Invalid, and TypeError for a field that does not exist. Listeners of `hooks.on_change` are called
    after the commit, and only if a value differs.
    """
    _require_known(fields.keys() - CHANGEABLE)
    _require_host(event, by)
    picture = fields.pop("picture", None)
    prepared = prepare(picture) if picture else None
    with transaction.atomic():
        row = Event.objects.select_for_update().get(pk=event.pk)
        before = copy.copy(row)
        if is_cancelled(row):
            raise NotAllowed(_(CANCELLED), "cancelled")
        values = clean(fields, before=row)
        if "community" in fields:
            values["community"] = fields["community"]
            if row.community != fields["community"]:
                _require_role_in(fields["community"], by)
        changed = put(row, values)
        if changed & HOST_ALONE:
            require_first_host(row, by, ONLY_HOST_CHANGES)
        if picture is not None and put_picture(row, prepared):
            changed.add("picture")
        if changed:
            _save(row, changed)
            telling.changed(before, row, but=by.pk)  # first: it compares with how each guest was to come until now
        if "attendance" in changed and row.attendance != Event.Attendance.BOTH:
            Rsvp.objects.filter(event=row).update(online=row.attendance == Event.Attendance.ONLINE)
    event.refresh_from_db()
    return event


def cancel(event: Event, by: Member, word: str = "") -> Event:
    """Cancel the event, with a word of the host to the guests. Its page stays and says so.

    Nobody can answer or be invited any more. Raises NotAllowed, and Invalid for a word that is too long.
    """
    _require_host(event, by)
    word = clean_word(word)
    with transaction.atomic():
        row = Event.objects.select_for_update().get(pk=event.pk)
        if not is_cancelled(row):
            row.status, row.cancel_word = Event.Status.CANCELLED, word
            audit.record(by, "event_cancelled", row)
            transfer_rows.take_back(row, by=None)
            _save(row, {"status"} | ({"cancel_word"} if word else set()))
            telling.cancelled(row, word=word, but=by.pk)
    event.refresh_from_db()
    return event


def add_cohost(event: Event, *, by: Member, member: Member) -> EventHost:
    """Ask another member to run the event too; until she accepts she may do nothing. Raises NotAllowed."""
    require_first_host(event, by)
    if not may_act(member):
        sentence = _("{name} cannot host at the moment: the account is not active.")
        raise NotAllowed(sentence.format(name=member.name), "not_active")
    try:
        with transaction.atomic():
            Event.objects.select_for_update().get(pk=event.pk)
            row = EventHost.objects.filter(event=event, member=member).first()
            if row is None:
                if event.hosts.filter(role=EventHost.Role.COHOST).count() >= MAX_COHOSTS:
                    sentence = ngettext(
                        "An event has at most {count} co-host.", "An event has at most {count} co-hosts.", MAX_COHOSTS
                    )
                    raise NotAllowed(sentence.format(count=MAX_COHOSTS), "too_many")
                row = EventHost.objects.create(event=event, member=member, role=EventHost.Role.COHOST)
                text = _("{name} asks you to host {event} together. Accept or decline on its page.")
                text = text.format(name=by.name, event=event.title)
                audit.record(by, "cohost_added", event, member.username)
                notify(member, asked_kind(event), text, f"/events/{event.slug}")
    except IntegrityError:
        row = EventHost.objects.get(event=event, member=member)
    if row.declined_at is not None:
        raise NotAllowed(_("{name} said no to hosting this event.").format(name=member.name), "declined")
    return row


def accept_cohost(event: Event, *, by: Member) -> None:
    """Become a co-host, as the host has asked. Raises NotAllowed."""
    require_active(by)
    _answer(event, by, accepted_at=clock.now())


def decline_cohost(event: Event, *, by: Member) -> None:
    """Say no to being a co-host; she is not asked again. Raises NotAllowed."""
    _answer(event, by, declined_at=clock.now())


def remove_cohost(event: Event, *, by: Member, member: Member) -> None:
    """Take a co-host off, or take back that she was asked: the host may, and a co-host herself. The host stays.

    Raises NotAllowed.
    """
    _require_host(event, by)
    with transaction.atomic():
        row = EventHost.objects.select_for_update().filter(event=event, member=member).first()
        if row is None:
            return
        if row.role == EventHost.Role.HOST:
            raise NotAllowed(_("The host stays with the event. Give it to someone else first, or cancel it."), "host")
        if by.pk != member.pk:
            require_first_host(event, by, gettext_noop("Only the host can remove co-hosts."))
        if row.declined_at is not None:
            return
        row.delete()
        audit.record(by, "cohost_removed", event, member.username)
        settle(member, asked_kind(event))
        hooks.changed(event, frozenset({"hosts"}))


def hide(event: Event, by: Member, note: str = "") -> None:
    """Hide an event from everybody but its hosts; only operators may. Raises NotAllowed.

    Listeners of `hooks.on_change` end the invitations that have not left; notices that name it are taken back.
    """
    with transaction.atomic():
        if set_hidden(event, by, hidden=True, note=note):
            take_back(event)
            transfer_rows.take_back(event, by=None)
            hooks.changed(event, frozenset({"hidden_at"}))


def unhide(event: Event, by: Member, note: str = "") -> None:
    """Show a hidden event again. Invitations that ended stay so until a host sends them again. Raises NotAllowed."""
    with transaction.atomic():
        if set_hidden(event, by, hidden=False, note=note):
            hooks.changed(event, frozenset({"hidden_at"}))


def _answer(event: Event, by: Member, **answer: Any) -> None:
    with transaction.atomic():
        asked = EventHost.objects.filter(event=event, member=by, role=EventHost.Role.COHOST, declined_at=None)
        if not asked.filter(accepted_at=None).update(**answer):
            if "accepted_at" in answer and asked.exists():
                return  # pressed twice
            raise NotAllowed(_("Nobody is asking you to host this event at the moment."), "not_asked")
        settle(by, asked_kind(event))
        accepted, declined = _("{name} now hosts {event} with you."), _("{name} declined to host {event} with you.")
        host = EventHost.objects.select_related("member").filter(event=event, role=EventHost.Role.HOST).first()
        if host is not None:
            text = (accepted if "accepted_at" in answer else declined).format(name=by.name, event=event.title)
            notify(host.member, f"cohost {by.pk}:{event.pk}", text, f"/events/{event.slug}/manage?tab=hosts")
        hooks.changed(event, frozenset({"hosts"}))


def _require_known(unknown: set[str]) -> None:
    if unknown:
        raise TypeError(f"an event has no {sorted(unknown)[0]!r} to change")


def asked_kind(event: Event) -> str:
    """The kind of the notice about being asked to be a co-host."""
    return f"cohost:{event.pk}"


def _save(row: Event, changed: set[str]) -> None:
    if changed & CALENDAR_FIELDS:
        row.sequence += 1
    row.share_picture_due_at, new = clock.now(), {"sequence", "share_picture_due_at"}
    if row.guest_totals is not None and not is_over(row):
        # It takes place once more, and will have guests.
        row.guest_totals, row.guest_data_deleted_at = None, None
        new |= {"guest_totals", "guest_data_deleted_at"}
    row.save(update_fields=sorted(changed | new))
    # A hidden place stands in no post: those that are out stay true.
    hidden = {"location"} if row.place_hidden and "place_hidden" not in changed else set()
    hooks.changed(row, frozenset(changed - hidden))


def _require_host(event: Event, by: Member) -> None:
    require_active(by)
    if not may_manage(event, by):
        raise NotAllowed(_("Only the host and co-hosts of this event can do this."), "not_host")


def require_first_host(event: Event, by: Member, sentence: str = ONLY_HOST_CHOOSES) -> None:
    """Raise NotAllowed unless the member is the host; a co-host is not enough."""
    require_active(by)
    if role_of(event, by) != EventHost.Role.HOST:
        raise NotAllowed(_(sentence), "not_host")


def _require_role_in(community: Community | None, by: Member) -> None:
    if community is None:
        return
    if community.closed_at:
        sentence = _("{community} is closed. Choose another community, or none.")
        raise Invalid({"community": sentence.format(community=community.name)})
    if not communities.may_add_events(community, by):
        sentence = _("Only admins and moderators of {community} can add events to it.")
        if community.members_add_events:
            sentence = _("Only members of {community} can add events to it.")
        raise NotAllowed(sentence.format(community=community.name), "not_moderator")
