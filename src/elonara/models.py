"""Where Django looks for models; each noun keeps its own."""

from elonara.bluesky.models import (
    AccountLane,
    ActorView,
    AppPasswordSession,
    AssertionKey,
    AuthorizationRequest,
    DpopNonce,
    MemberIdentity,
)
from elonara.communities.models import Community, Membership
from elonara.events.models import Answer, Event, EventHost
from elonara.invitations.models import (
    Announcement,
    Batch,
    HostSending,
    Invitation,
    OptOut,
    RelayConsent,
    Report,
)
from elonara.members.models import Member, Notice, OneTimeLink

__all__ = [
    "AccountLane",
    "ActorView",
    "Announcement",
    "Answer",
    "AppPasswordSession",
    "AssertionKey",
    "AuthorizationRequest",
    "Batch",
    "Community",
    "DpopNonce",
    "Event",
    "EventHost",
    "HostSending",
    "Invitation",
    "Member",
    "MemberIdentity",
    "Membership",
    "Notice",
    "OneTimeLink",
    "OptOut",
    "RelayConsent",
    "Report",
]
