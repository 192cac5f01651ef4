"""What a member does next, for her front page: connect, make an event, invite people, or see who answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from elonara.bluesky.models import MemberIdentity
from elonara.events import queries as events
from elonara.events.guests.latest import LatestAnswer
from elonara.events.models import Event
from elonara.events.times import short_phrase
from elonara.invitations import queries as invitations
from elonara.members import queries as members
from elonara.members.models import Member


@dataclass(frozen=True)
class NextStep:
    """`heading` and `sentence` say what and why; `button` leads to `address`. `event` names what it is about.
    The first three are in the source's language: the page translates them.

    Without an address the button sends her to her own server, to authorize this site, and back to her front page.
    """

    heading: str
    sentence: str
    button: str
    address: str
    event: str = ""


CONNECT = NextStep(
    gettext_noop("Connect your Bluesky account"),
    gettext_noop(
        "This site then sees who you follow and who follows you, so that you can invite them. Nothing is posted until "
        "you press Send."
    ),
    gettext_noop("Connect Bluesky"),
    "/profile/edit?next=/",  # where she says which account
)
ALLOW = NextStep(
    gettext_noop("Invite people you know"),
    gettext_noop(
        "This site knows your Bluesky account for signing in, and nothing more. If you allow it to see who you follow "
        "and who follows you, you can invite them. Nothing is posted until you press Send."
    ),
    gettext_noop("Connect Bluesky"),
    "",  # her own server is known
)
RECONNECT = NextStep(
    gettext_noop("Renew your Bluesky connection"),
    gettext_noop("The permission has ended. Until you renew it, nobody can be invited on Bluesky."),
    gettext_noop("Renew the connection"),
    "",
)
MAKE = NextStep(
    gettext_noop("Plan an event"),
    gettext_noop("A title, a day and a place are enough. Then choose who to invite."),
    gettext_noop("Create an event"),
    "/events/create",
)


def next_step(member: Member, answers: Sequence[LatestAnswer]) -> NextStep | None:
    """The member's next step; None while she may not act. `answers`: the latest to her events."""
    if not members.may_act(member):
        return None
    identity = getattr(member, "bluesky", None)
    if identity is None or identity.state != MemberIdentity.State.ACTIVE:
        if identity is None:
            return CONNECT
        if identity.state == MemberIdentity.State.NEEDS_REAUTH:
            return RECONNECT
        return _of_guest(member, identity.bsky_did)
    found = invitations.next_to_invite_to(member)
    return _about(*found, answers) if found else MAKE


def _of_guest(member: Member, did: str) -> NextStep:
    """Of a member who only signs in with Bluesky: her next event if she hosts none, else to connect."""
    event = None if invitations.next_to_invite_to(member) else events.upcoming(member, [did]).first()
    if event is None:
        return ALLOW
    return NextStep(
        gettext_noop("See your next event"),
        gettext_noop("Time, place and who else is coming are on its page, and you can change your answer there."),
        gettext_noop("See the event"),
        f"/events/{event.slug}",
        f"{event.title}, {short_phrase(event)}",
    )


def _about(event: Event, invited: bool, answers: Sequence[LatestAnswer]) -> NextStep:
    manage = f"/events/{event.slug}/manage?tab="
    named = f"{event.title}, {short_phrase(event)}"  # she may have several of one title
    if not invited:
        return NextStep(
            gettext_noop("Invite people"),
            gettext_noop("Nobody is invited yet."),
            gettext_noop("Choose people"),
            f"{manage}invite",
            named,
        )
    if answers:
        newest = answers[0]
        return NextStep(
            gettext_noop("See who answered"),
            gettext_noop("There are new answers to your invitations."),
            gettext_noop("See the answers"),
            f"/events/{newest.slug}/manage?tab=guests",
            newest.title,
        )
    return NextStep(
        gettext_noop("Waiting for answers"),
        gettext_noop("People are invited. New answers appear here."),
        gettext_noop("See who was invited"),
        f"{manage}invite&step=watch",
        named,
    )
