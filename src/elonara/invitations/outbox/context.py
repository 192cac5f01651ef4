"""What a worker has at hand while it holds the lane of one account."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from elonara.bluesky.writing.agent import BlueskyAgent
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.invitations.consent.recheck import Recheck
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.results import PostingReadiness
from elonara.invitations.transitions import Deliverable
from elonara.locks import Lease
from elonara.members.models import Member


@dataclass
class PrecheckCache:
    """What a worker need not ask twice during one turn in a lane (at most `timing.TURN_SECONDS`)."""

    ready: dict[int, PostingReadiness] = field(default_factory=dict)
    people: Recheck = field(default_factory=Recheck)
    announcements: dict[UUID, bool] = field(default_factory=dict)  # whether it stands, as it was seen in this turn
    first_post_noted: set[int] = field(default_factory=set)  # hosts whose `HostSending.first_sent_at` is set

    def readiness(self, host: Member) -> PostingReadiness:
        """Whether and how this host can post, asked once a turn."""
        if host.pk not in self.ready:
            self.ready[host.pk] = posting_readiness.readiness(host)
        return self.ready[host.pk]


@dataclass
class DeliveryContext:
    """The account, the lease that keeps other workers away from it, and who writes for its hosts."""

    author_did: str
    lease: Lease
    cache: PrecheckCache = field(default_factory=PrecheckCache)

    @staticmethod
    def agent_of(row: Deliverable) -> BlueskyAgent:
        """The agent that writes for the row's host. Asked for each call: what she consents to may change meanwhile."""
        return BlueskyAgentFactory.make(row.host_id)
