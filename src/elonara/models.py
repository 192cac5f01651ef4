"""Where Django looks for models; each noun keeps its own."""

from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph
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
from elonara.communities.models import Community, JoinRequest, Membership, Removal, Transfer
from elonara.events.messages.models import GuestMessage, HostMessage, MessageOptOut
from elonara.events.models import Event, EventHost, GivenAnswer, Question, Rsvp
from elonara.housekeeping.answer_digest.models import AnswerDigest
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
)
from elonara.invitations.opt_out_models import EmailOptOut, OptOut, RelayConsent, Report
from elonara.invitations.planning.models import InvitationDraft
from elonara.mail.models import MailPause, MailRefusal
from elonara.members.models import AuditEntry, Creation, Member, Notice, OneTimeLink

__all__ = [
    "AccountLane",
    "ActorView",
    "Announcement",
    "AnswerDigest",
    "AppPasswordSession",
    "AssertionKey",
    "AuditEntry",
    "AuthorizationRequest",
    "Batch",
    "CacheEntry",
    "Community",
    "Correction",
    "Creation",
    "DpopNonce",
    "EmailInvitation",
    "EmailOptOut",
    "Event",
    "EventHost",
    "GivenAnswer",
    "GuestMessage",
    "HostMessage",
    "HostSending",
    "Invitation",
    "InvitationDraft",
    "JoinRequest",
    "KnownList",
    "KnownListMember",
    "KnownPerson",
    "MailPause",
    "MailRefusal",
    "Member",
    "MemberIdentity",
    "Membership",
    "MessageOptOut",
    "Notice",
    "OneTimeLink",
    "OptOut",
    "OutgoingEmail",
    "PastInvitation",
    "PdsHost",
    "PeriodicTask",
    "ProcessCounts",
    "Question",
    "RelayConsent",
    "Removal",
    "Report",
    "Rsvp",
    "SendingAccount",
    "SendingAccountHolder",
    "SendingAccountKey",
    "StoredGraph",
    "Transfer",
    "Worker",
]
