"""Where Django looks for models; each noun keeps its own."""

from elonara.bluesky.models import (
    AccountLane,
    ActorView,
    AppPasswordSession,
    AssertionKey,
    AuthorizationRequest,
    DpopNonce,
    MemberIdentity,
    PdsHost,
)
from elonara.communities.models import Community, Membership
from elonara.events.models import Answer, Event, EventHost
from elonara.housekeeping.models import Errand, Letter, Worker
from elonara.invitations.models import (
    Announcement,
    Batch,
    EmailInvitation,
    EmailOptOut,
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
    "EmailInvitation",
    "EmailOptOut",
    "Errand",
    "Event",
    "EventHost",
    "HostSending",
    "Invitation",
    "Letter",
    "Member",
    "MemberIdentity",
    "Membership",
    "Notice",
    "OneTimeLink",
    "OptOut",
    "PdsHost",
    "RelayConsent",
    "Report",
    "Worker",
]
