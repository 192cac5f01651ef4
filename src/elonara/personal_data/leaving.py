"""What becomes of events, communities and invitations when the account of who runs them is deleted.

The first co-host who accepted becomes the host. Where there is none, an event that is to come is cancelled, and what is
over or cancelled stays under "A former member": so guests go on reading that it was cancelled, and by whom is gone.
The same holds for communities with their admins. What she sent and what may have been seen stays, under that name and
without her words, so that who was invited can still answer; its places in the caps are kept with her account.
"""

from __future__ import annotations

from typing import Final

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities import actions as communities
from elonara.communities import transfer_rows
from elonara.communities.memberships import lock
from elonara.communities.models import Community, JoinRequest, Membership
from elonara.events import actions as events
from elonara.events import hooks
from elonara.events.guests import rsvps
from elonara.events.messages.models import MessageOptOut
from elonara.events.messages.readers import address_key, member_key
from elonara.events.models import Event, EventHost, Rsvp
from elonara.events.queries import DEFAULT_DURATION, is_cancelled, is_over, over_by
from elonara.invitations.consent import accounts
from elonara.invitations.email_addresses import folded_hash_of, hash_of
from elonara.invitations.models import Announcement, Batch, Correction, EmailInvitation, EmailState, Invitation
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.invitations.responses.invitee import may_have_been_seen
from elonara.members.models import FORMER_MEMBER, Member
from elonara.members.notices import notify

USERNAME: Final = "former member"  # with a space, so nobody can sign up with it


def former_member() -> Member:
    """The account that stands for all former members. Nobody can sign in to it."""
    defaults = {"display_name": FORMER_MEMBER, "is_active": False, "password": make_password(None)}
    return Member.objects.get_or_create(username=USERNAME, defaults=defaults)[0]


def hosted(member: Member) -> QuerySet[Event]:
    """The events whose host she is."""
    return Event.objects.filter(hosts__member=member, hosts__role=EventHost.Role.HOST)


def successor(event: Event) -> Member | None:
    """Who becomes the host of an event: the first co-host who accepted and may act."""
    rows = EventHost.objects.filter(event=event, role=EventHost.Role.COHOST, accepted_at__isnull=False)
    rows = rows.filter(member__is_active=True, member__standing=Member.Standing.ACTIVE)
    first = rows.select_related("member").order_by("accepted_at", "pk").first()
    return first.member if first is not None else None


def new_admin(community: Community, member: Member) -> Membership | None:
    """Who is the admin of a community after her: another admin, else the moderator who joined first; None: nobody."""
    active = Membership.objects.filter(
        community=community, member__is_active=True, member__standing=Member.Standing.ACTIVE
    ).exclude(member=member)
    for role in (Membership.Role.ADMIN, Membership.Role.MODERATOR):
        if (found := active.filter(role=role).select_related("member").order_by("joined_at", "pk").first()) is not None:
            return found
    return None


def leave_events(member: Member, former: Member, word: str) -> None:
    """Give each event that she hosts to a co-host, or cancel it; her own answers free their places."""
    for event in hosted(member).order_by("pk"):
        Event.objects.select_for_update().get(pk=event.pk)
        if not hosted(member).filter(pk=event.pk).exists():
            continue  # somebody has taken it over at this moment
        transfer_rows.take_back(event, by=None)
        _keep_refusals(event, member)
        after = successor(event)
        if after is None and not is_over(event) and not is_cancelled(event):
            events.cancel(event, member, word)
        _pass_on(event, member, after, former)
    for event in Event.objects.filter(created_by=member):
        # Its host is another member already.
        row = EventHost.objects.filter(event=event, role=EventHost.Role.HOST).exclude(member=member).first()
        Event.objects.filter(pk=event.pk).update(created_by=row.member_id if row else former.pk)
    now = timezone.now()
    ahead = Event.objects.exclude(over_by(now, now - DEFAULT_DURATION))
    for event in ahead.filter(pk__in=Rsvp.objects.filter(member=member).values("event")).order_by("pk"):
        rsvps.withdraw(event, member=member)


def leave_communities(member: Member, former: Member) -> None:
    """Let another admin, or the first moderator, go on with each community; one without either is closed."""
    for request in JoinRequest.objects.filter(member=member, outcome="").select_related("community"):
        communities.withdraw(request.community, by=member)  # admins were told of it
    mine = Membership.objects.filter(member=member, role=Membership.Role.ADMIN)
    for community in Community.objects.filter(pk__in=mine.values("community")).order_by("pk"):
        lock(community)
        if (asked := transfer_rows.waiting(community)) is not None and asked.by_id == member.pk:
            transfer_rows.take_back(community, by=None)
        after = new_admin(community, member)
        if after is None and community.closed_at is None:
            communities.close(community, member)
        elif after is not None and after.role != Membership.Role.ADMIN and after.member is not None:
            Membership.objects.filter(pk=after.pk).update(role=Membership.Role.ADMIN)
            text = _("You are an admin of {community} now: {name} has left the site.")
            text = text.format(community=community.name, name=member.name)
            notify(after.member, f"admin:{community.pk}", text, f"/communities/{community.slug}")
    for community in Community.objects.filter(created_by=member):
        after = new_admin(community, member)
        new = after.member_id if after is not None else former.pk
        Community.objects.filter(pk=community.pk).update(created_by=new)


def leave_invitations(member: Member, former: Member) -> None:
    """Keep what may have been seen and can still be answered; the rest of what she sent goes."""
    now = timezone.now()
    over = over_by(now, now - DEFAULT_DURATION, "event__") | Q(event__status=Event.Status.CANCELLED)
    over |= Q(community__closed_at__isnull=False)
    Invitation.objects.filter(Q(host=member) & (over | ~may_have_been_seen())).delete()
    kept = Invitation.objects.filter(host=member)
    accounts.keep_places(member, kept)
    for announcement in Announcement.objects.filter(host=member).order_by("pk"):
        twin = Announcement.objects.filter(
            host=former, author_did=announcement.author_did, event=announcement.event_id,
            community=announcement.community_id,
        )  # fmt: skip
        replies = Invitation.objects.filter(announcement=announcement)
        # The site's own account posts for many hosts, of whom two may have left; and others do not hang on her post.
        (replies if twin.exists() or not kept.filter(announcement=announcement).exists() else replies.none()).update(
            announcement=None
        )
    Announcement.objects.filter(host=member, invitations__in=kept).update(host=former, record={"text": ""})
    Correction.objects.filter(host=member).delete()
    Batch.objects.filter(invitations__in=kept).update(
        host=former, note="", sentence="", sentence_facts=None, idempotency_key="", skipped=[]
    )
    kept.update(host=former, line="", record={"text": ""}, counted_on=None, undone_on=None)


def leave_email_invitations(member: Member, former: Member) -> None:
    """The same for e-mail invitations: their links go on, those that have not left end."""
    rows = EmailInvitation.objects.filter(host=member)
    accounts.keep_places(member, rows)
    rows.filter(state=EmailState.QUEUED).update(state=EmailState.CANCELLED, reason="by_host", site_day=None)
    rows.update(host=former, note="", counted_on=None)


def keep_opt_outs(member: Member) -> None:
    """Who wanted no e-mails as a member gets none at her addresses either, when somebody invites these."""
    hashes = [hash_of(row.email) for row in EmailAddress.objects.filter(user=member, verified=True)]
    MessageOptOut.objects.bulk_create(
        [
            MessageOptOut(event_id=row.event_id, who=address_key(one), reminders_only=row.reminders_only)
            for row in MessageOptOut.objects.filter(who=member_key(member.pk))
            for one in hashes
        ],
        ignore_conflicts=True,
    )


def _pass_on(event: Event, member: Member, after: Member | None, former: Member) -> None:
    new = after or former
    EventHost.objects.filter(event=event, member=member).delete()
    EventHost.objects.update_or_create(
        event=event, member=new, defaults={"role": EventHost.Role.HOST, "accepted_at": timezone.now()}
    )
    Event.objects.filter(pk=event.pk).update(created_by=new, replies_to_host=False)
    if after is not None:
        text = _("You are the host of {event} now: {name} has left the site.")
        text = text.format(event=event.title, name=member.name)
        notify(after, f"host:{event.pk}", text, f"/events/{event.slug}/manage")
    event.refresh_from_db()
    hooks.changed(event, frozenset({"hosts"}))


def _keep_refusals(event: Event, member: Member) -> None:
    """Who wanted no e-mails from her gets none about this event, whoever is its host."""
    refusing = EmailOptOut.objects.filter(Q(host=member) | Q(account__holders__member=member))
    hashes = {one for pair in refusing.values_list("address_hash", "folded_hash") for one in pair} - {""}
    if not hashes:
        return
    emails = EmailInvitation.objects.filter(Q(address_hash__in=hashes) | Q(folded_hash__in=hashes), event=event)
    who = [address_key(one) for one in emails.values_list("address_hash", flat=True)]
    guests = Rsvp.objects.filter(event=event, member__isnull=False).values("member")
    who += [
        member_key(address.user_id)
        for address in EmailAddress.objects.filter(user__in=guests, verified=True)
        if {hash_of(address.email), folded_hash_of(address.email)} & hashes
    ]
    MessageOptOut.objects.bulk_create([MessageOptOut(event=event, who=one) for one in who], ignore_conflicts=True)
