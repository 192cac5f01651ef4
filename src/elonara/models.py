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
from elonara.events.models import Event, EventHost, Rsvp
from elonara.housekeeping.models import CacheEntry, OutgoingEmail, PeriodicTask, ProcessCounts, Worker
from elonara.invitations.account_models import (
    PastInvitation,
    SendingAccount,
    SendingAccountHolder,
    SendingAccountKey,
)
from elonara.invitations.models import (
    Announcement,
    Batch,
    Correction,
    EmailInvitation,
    HostSending,
    Invitation,
    Report,
)
from elonara.invitations.opt_out_models import EmailOptOut, OptOut, RelayConsent
from elonara.invitations.planning.models import InvitationDraft
from elonara.mail.models import MailPause, MailRefusal
from elonara.members.models import AuditEntry, Member, Notice, OneTimeLink

__all__ = [
    "AccountLane",
    "ActorView",
    "Announcement",
    "AppPasswordSession",
    "AssertionKey",
    "AuditEntry",
    "AuthorizationRequest",
    "Batch",
    "CacheEntry",
    "Community",
    "Correction",
    "DpopNonce",
    "EmailInvitation",
    "EmailOptOut",
    "Event",
    "EventHost",
    "HostSending",
    "Invitation",
    "InvitationDraft",
    "MailPause",
    "MailRefusal",
    "Member",
    "MemberIdentity",
    "Membership",
    "Notice",
    "OneTimeLink",
    "OptOut",
    "OutgoingEmail",
    "PastInvitation",
    "PdsHost",
    "PeriodicTask",
    "ProcessCounts",
    "RelayConsent",
    "Report",
    "Rsvp",
    "SendingAccount",
    "SendingAccountHolder",
    "SendingAccountKey",
    "Worker",
]
