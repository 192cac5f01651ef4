"""Finds members whose Bluesky session lacks what the site now needs, and asks them to authorize it again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db.models import Count, QuerySet

from elonara.bluesky.identity.identities import ConnectedIdentity
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.client import client_ids
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.invitations import notifications
from elonara.invitations.models import ON_ITS_WAY, HostSending, Invitation
from elonara.members import audit
from elonara.members.models import Member

# The member disconnected or never connected: her own choice, so she is not asked. Except one who posts by an app
# password, which is of no use once posts go by OAuth.
MEMBER_REASONS = frozenset({"disconnected", "not_connected"})


@dataclass(frozen=True)
class MissingPermission:
    """A host who cannot post from her own account by OAuth; `reason` is a code of `elonara.bluesky.reasons`."""

    member: Member
    handle: str
    reason: str
    waiting: int  # her invitations that have not been sent yet


def of_another_address() -> Counter[str]:
    """How many sessions were authorized under another address of the site than it has now, by that address.

    An authorization server ties a session to the client id, and the client id contains the site's address. These
    sessions wait: they go on where the address is the former one again.
    """
    return Counter(address_of(one) for one in _of_another_client().values_list("client_id", flat=True))


def address_of(client: str) -> str:
    """The address of the site in a client id, which for a loopback client is that of its redirect."""
    parts = urlsplit(client)
    if parts.hostname == "localhost":
        parts = urlsplit(parse_qs(parts.query).get("redirect_uri", [client])[0])
    return f"{parts.scheme}://{parts.netloc}"


def end_those_of_another_address() -> int:
    """End the sessions of `of_another_address`; returns how many. Members are notified as whenever a session ends."""
    ended = sum(oauth_sessions.end(identity, "client_changed") for identity in _of_another_client())
    if ended:
        audit.record(None, "sessions_ended", f"{ended} sessions")
    return ended


def lacking_write_scope() -> list[MissingPermission]:
    """Hosts who could not post by OAuth, of those who have sent, have something to send, or use an app password."""
    identities = MemberIdentity.objects.select_related("member").order_by("bsky_handle")
    hosts = set(HostSending.objects.values_list("host_id", flat=True))
    pending, by_app_password = _pending(), _by_app_password()
    found = []
    wanted = hosts | pending.keys() | by_app_password
    for identity in identities.filter(member_id__in=wanted, member__is_active=True):
        reason = _reason(identity)
        if reason and (reason not in MEMBER_REASONS or identity.member_id in by_app_password):
            waiting = pending.get(identity.member_id, 0)
            found.append(MissingPermission(identity.member, identity.bsky_handle, reason, waiting))
    return found


def ask_to_reauthorize(lacking: list[MissingPermission]) -> int:
    """Notify each of them with the link to authorize again, also by e-mail where there is an address; how many."""
    for one in lacking:
        notifications.needs_host(one.member, one.reason)
    audit.record(None, "asked_to_reauthorize", f"{len(lacking)} hosts")
    return len(lacking)


def on_app_passwords_alone() -> int:
    """How many of `lacking_write_scope()` post by an app password at present."""
    by_app_password = _by_app_password()
    return sum(one.member.pk in by_app_password for one in lacking_write_scope())


def writes_by_oauth() -> bool:
    """Whether the site's posts go by OAuth at present, which the agent factory decides."""
    return isinstance(BlueskyAgentFactory.make(), OAuthBlueskyAgent)


def link() -> str:
    """The page on which a member authorizes the site again."""
    return f"{settings.ELONARA.site.url}/profile/edit"


def _of_another_client() -> QuerySet[MemberIdentity]:
    return MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE).exclude(client_id__in=client_ids())


def _reason(identity: MemberIdentity) -> str:
    known = ConnectedIdentity.of(identity)
    if not known.connected:
        return known.reason or "revoked"
    return "" if known.can_write else "scope_missing"


def _by_app_password() -> set[int]:
    active = AppPasswordSession.objects.filter(state=AppPasswordSession.State.ACTIVE)
    return {
        member for member in active.values_list("member_id", flat=True) if member is not None
    }  # None: the site's own account


def _pending() -> dict[int, int]:
    rows = Invitation.objects.filter(state__in=ON_ITS_WAY).order_by()
    return dict(rows.values_list("host_id").annotate(number=Count("pk")))
