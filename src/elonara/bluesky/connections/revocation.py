"""Ending a session at its authorization server: one that has just been made, or the stored one."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.sealed_columns import dpop_key, unsealed
from elonara.sealing import CannotUnseal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RevocableSession:
    """What a revocation request needs: either token of the session, its DPoP key, and the assertion key's `kid`."""

    issuer: str
    token: str
    key: DpopKey
    kid: str
    client_id: str

    def __repr__(self) -> str:
        return f"<Session at {self.issuer}>"

    def revoke(self) -> bool:
        """Revoke it; False where that failed. Never raises."""
        return oauth_sessions.revoke(self.issuer, self.token, self.key, self.kid, self.client_id)


def revoke_tokens(tokens: TokenSet, key: DpopKey, row: AuthorizationRequest) -> bool:
    """Revoke a session that has just been made by the request `row`. False where that failed. Never raises."""
    token = tokens.refresh_token.reveal() or tokens.access_token.reveal()
    return RevocableSession(tokens.issuer, token, key, row.assertion_kid, row.client_id).revoke()


def stored_session(identity: MemberIdentity) -> RevocableSession | None:
    """The session in this row, to be revoked later; None where there is none or it cannot be unsealed."""
    try:
        token = unsealed(identity, "bsky_refresh_token_enc") or unsealed(identity, "bsky_access_token_enc")
        key = dpop_key(identity)
    except CannotUnseal as fault:
        log.error("the session of member %s cannot be opened to revoke it: %s", identity.member_id, fault)  # noqa: TRY400
        return None
    if token is None or key is None:
        return None
    return RevocableSession(identity.issuer, token.reveal(), key, identity.assertion_kid, identity.client_id)
