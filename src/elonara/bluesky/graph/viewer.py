"""As whom the graph is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elonara.atproto.xrpc import Authorizer
from elonara.bluesky import network
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.rate_budgets import AnonymousAuthorizer, origin_of


@dataclass(frozen=True)
class Viewer:
    """As whom the graph is read: as the member at her PDS, or (no `identity`) anonymously at the public AppView."""

    did: str
    service: str
    auth: Authorizer
    identity: MemberIdentity | None = None

    @classmethod
    def anonymous(cls, did: str) -> Viewer:
        """Somebody without permission, who looks at the lists of this account."""
        appview = network.appview_url()
        return cls(did, appview, AnonymousAuthorizer(did, origin_of(appview)))

    @property
    def known(self) -> bool:
        """Whether blocks and mutes come with what is read."""
        return self.identity is not None

    def read(self, nsid: str, params: dict[str, Any]) -> dict[str, Any]:
        """One query. Raises what `Xrpc.query` raises."""
        proxy = network.appview_proxy() if self.known else None
        return network.xrpc().query(self.service, nsid, params, auth=self.auth, proxy=proxy)
