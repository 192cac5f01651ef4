"""The DIDs that members have proved, as the rest of the site sees them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import scopes
from elonara.bluesky.sealed_columns import unsealed
from elonara.compiled_queries import CompiledQuery
from elonara.sealing import CannotUnseal, Sealed

log = logging.getLogger(__name__)

_OF_MEMBER = CompiledQuery(lambda member: MemberIdentity.objects.filter(member=member))
_OF_EITHER = CompiledQuery(lambda did, member: MemberIdentity.objects.filter(Q(bsky_did=did) | Q(member=member)))


@dataclass(frozen=True)
class ConnectedIdentity:
    """A member's Bluesky identity: `state` is `active`, `needs_reauth` or `revoked`, `reason` says why not active.

    `scope` is the granted one; `can_read_graph` and `can_write` follow from it and the state. `expires_at` is when the
    access token expires, `session_ends_at` when the server ends the whole session.
    """

    member_id: int
    did: str
    handle: str
    display_name: str
    avatar: str
    scope: str
    expires_at: datetime | None
    pds_url: str
    state: str
    reason: str
    connected_at: datetime | None
    session_ends_at: datetime | None
    can_read_graph: bool
    can_write: bool
    row: MemberIdentity = field(repr=False, compare=False)

    @property
    def access_token(self) -> Sealed | None:
        """The access token, unsealed when it is read; None where there is none. It never leaves the server."""
        try:
            return unsealed(self.row, "bsky_access_token_enc")
        except CannotUnseal as fault:
            log.error("the token of member %s cannot be opened: %s", self.member_id, fault)  # noqa: TRY400
            return None

    @property
    def connected(self) -> bool:
        """Whether there is a session that works, as far as is known."""
        return self.state == MemberIdentity.State.ACTIVE

    @property
    def granted(self) -> list[str]:
        """The permissions that the member granted, in words."""
        return scopes.in_words(self.scope)

    @property
    def not_granted(self) -> list[str]:
        """The permissions that Connect requests and the member or her server did not grant, in words."""
        return scopes.missing_in_words(self.scope)

    @classmethod
    def of(cls, row: MemberIdentity) -> ConnectedIdentity:
        """The identity in a row."""
        active = row.state == MemberIdentity.State.ACTIVE
        return cls(
            member_id=row.member_id,
            did=row.bsky_did,
            handle=row.bsky_handle,
            display_name=row.display_name,
            avatar=row.avatar_url,
            scope=row.bsky_scope,
            expires_at=row.bsky_token_expires_at,
            pds_url=row.pds_url,
            state=row.state,
            reason="" if active else row.state_reason,
            connected_at=row.connected_at,
            session_ends_at=row.session_ends_at,
            can_read_graph=active and scopes.can_read_graph(row.bsky_scope),
            can_write=active and scopes.can_write(row.bsky_scope),
            row=row,
        )


def identity_row(member_id: int) -> MemberIdentity | None:
    """The member's row, None where she never proved a DID."""
    return _OF_MEMBER.first(member=member_id)


def either(did: str, member_id: int) -> list[MemberIdentity]:
    """The rows of this DID and of this member: none, one of both, or two that conflict."""
    return _OF_EITHER.all(did=did, member=member_id)


def of_members(dids: Collection[str]) -> set[str]:
    """Those of `dids` that a member has linked."""
    return set(MemberIdentity.objects.filter(bsky_did__in=list(dids)).values_list("bsky_did", flat=True))


def by_did(did: str) -> MemberIdentity | None:
    """The row of this DID with its member, None where nobody here has proved it."""
    return MemberIdentity.objects.select_related("member").filter(bsky_did=did).first()
