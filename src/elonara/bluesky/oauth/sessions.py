"""The stored OAuth sessions: a working access token for each call, refreshed by one process at a time.

What may go wrong during a refresh, and what a crash costs, is explained in `elonara.bluesky.refresh_lease`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from elonara.atproto.errors import AtprotoError, ClientRefused, InvalidGrant, NetworkError, OAuthError, WrongAccount
from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.client_auth import KeyGone
from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.session import DpopAuth
from elonara.bluesky import outward
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import client_refusals, nonce_stores
from elonara.bluesky.oauth.client import client_ids, clients
from elonara.bluesky.oauth.ended_sessions import NO_TOKENS, end, ended, grant_refused, token_refused
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.bluesky.refresh_lease import EXPIRY_MARGIN_SECONDS, SessionEnded, TryLater, refresh_under_lease
from elonara.bluesky.sealed_columns import dpop_key, sealed_columns, unsealed
from elonara.locks import Lease
from elonara.sealing import CannotUnseal, KeyMissing, Sealed

KEYS_RETRY_SECONDS = 60.0  # until another process, which has the key, takes the account
ADDRESS_RETRY_SECONDS = 60.0  # until it is seen whether the site has its former address again

__all__ = ["NO_TOKENS", "authorizer", "end", "fresh_token", "revoke"]

log = logging.getLogger(__name__)


def authorizer(identity: MemberIdentity) -> tuple[str, DpopAuth]:
    """The URL of the PDS, and an authorizer for calls to it with this session, which refreshes the token as needed.

    Raises SessionEnded and TryLater, also later, from inside a call.
    """
    token = _usable(identity, "")
    if token is None:
        token = fresh_token(identity.pk)
        identity.refresh_from_db()
    key = _key(identity)
    current = token

    def another_token() -> str:
        nonlocal current
        current = fresh_token(identity.pk, refused=current)
        return current

    def still_refused() -> None:
        token_refused(identity)

    auth = DpopAuth(
        key, token, nonce_stores.session_nonces, on_invalid_token=another_token, on_still_refused=still_refused
    )
    return identity.pds_url, auth


def fresh_token(identity_id: UUID, *, refused: str = "") -> str:
    """The session's access token, refreshed if it has expired or is the `refused` one.

    Raises SessionEnded and TryLater.
    """
    return refresh_under_lease(
        MemberIdentity,
        identity_id,
        usable=lambda row: _usable(row, refused),
        refresh=_refresh,
    )


def _usable(identity: MemberIdentity, refused: str) -> str | None:
    if identity.state != MemberIdentity.State.ACTIVE:
        raise SessionEnded(identity.state_reason)
    if identity.client_id not in client_ids():
        # The server would refuse the session under this client id. But perhaps a setting is wrong for an hour: only the
        # operator knows whether the site has another address for good (`elonara reauthorize --moved`).
        raise TryLater("address_changed", retry_after=ADDRESS_RETRY_SECONDS)
    expires_at = identity.bsky_token_expires_at
    if not expires_at or expires_at <= timezone.now() + timedelta(seconds=EXPIRY_MARGIN_SECONDS):
        return None
    token = _unsealed(identity, "bsky_access_token_enc").reveal()
    return None if token == refused else token


def _unsealed(identity: MemberIdentity, column: str) -> Sealed:
    try:
        found = unsealed(identity, column)
    except KeyMissing as fault:
        raise TryLater(KEYS_MISSING, retry_after=KEYS_RETRY_SECONDS) from fault
    except CannotUnseal as fault:
        # The tokens are kept: the operator may restore the row.
        log.error("session of member %s cannot be opened: %s", identity.member_id, fault)  # noqa: TRY400
        raise SessionEnded("unreadable") from fault
    if found is None:
        end(identity, "unreadable")
        raise SessionEnded("unreadable")
    return found


def _key(identity: MemberIdentity) -> DpopKey:
    """The DPoP key that the session's tokens are bound to. Raises SessionEnded and TryLater."""
    try:
        key = dpop_key(identity)
    except KeyMissing as fault:
        raise TryLater(KEYS_MISSING, retry_after=KEYS_RETRY_SECONDS) from fault
    except CannotUnseal as fault:
        log.error("session of member %s cannot be opened: %s", identity.member_id, fault)  # noqa: TRY400
        raise SessionEnded("unreadable") from fault
    if key is None:
        end(identity, "unreadable")
        raise SessionEnded("unreadable")
    return key


def _refresh(identity: MemberIdentity, lease: Lease) -> str:
    """Exchange the refresh token for new tokens, and store them. The caller has the lease."""
    client_refusals.require_no_pause(identity.issuer)
    # An earlier attempt sent this token and stored no result. If the server had used it, it says so below.
    result_was_lost = identity.attempt_started_at is not None
    refresh_token = _unsealed(identity, "bsky_refresh_token_enc").reveal()
    key = _key(identity)
    # Committed before the call: the server accepts a refresh token once.
    if not lease.update(attempt_started_at=timezone.now()):
        raise TryLater("busy", retry_after=1)
    try:
        tokens = clients().sessions.refresh(
            identity.issuer,
            refresh_token,
            key,
            identity.assertion_kid,
            identity.bsky_did,
            handle=identity.bsky_handle,
            pds_url=identity.pds_url,
            client_id=identity.client_id,
        )
    except InvalidGrant as fault:
        raise grant_refused(identity, "refresh_lost" if result_was_lost else "revoked", lease) from fault
    except WrongAccount as fault:
        raise ended(identity, "wrong_account", lease) from fault
    except ClientRefused as fault:
        # About our clock or our metadata, not about the grant. (Another client id is noticed in `_usable`.)
        lease.update(attempt_started_at=None)
        raise client_refusals.refused(identity.issuer, fault) from fault
    except KeyGone as fault:
        # Nothing was sent, and the operator may bring the keys back.
        log.error("the assertion key %s of member %s is gone", identity.assertion_kid, identity.member_id)  # noqa: TRY400
        lease.update(attempt_started_at=None)
        raise SessionEnded("unreadable") from fault
    except OAuthError as fault:
        if fault.status and fault.status < 500:
            lease.update(attempt_started_at=None)  # refused before the token was used
        raise TryLater("server", fault.retry_after) from fault
    except NetworkError as fault:
        if not fault.ambiguous:
            lease.update(attempt_started_at=None)
        raise TryLater("unreachable") from fault
    except AtprotoError as fault:
        raise TryLater("server") from fault
    client_refusals.accepted(identity.issuer)
    return _store(identity, tokens, key, lease)


def _store(identity: MemberIdentity, tokens: TokenSet, key: DpopKey, lease: Lease) -> str:
    # A server that returns no refresh token leaves the old one valid (RFC 6749, section 6).
    values = {"bsky_access_token_enc": tokens.access_token.reveal()}
    if tokens.refresh_token:
        values["bsky_refresh_token_enc"] = tokens.refresh_token.reveal()
    stored = (
        lease.rows()
        .filter(state=MemberIdentity.State.ACTIVE)
        .update(
            **sealed_columns(identity, values),
            bsky_scope=tokens.scope or identity.bsky_scope,
            bsky_token_expires_at=tokens.expires_at,
            attempt_started_at=None,
        )
    )
    if not stored:
        # Disconnected or connected again in the meantime: nobody will use this session, so it is revoked.
        revoke(
            identity.issuer,
            tokens.refresh_token.reveal() or tokens.access_token.reveal(),
            key,
            identity.assertion_kid,
            identity.client_id,
        )
        raise TryLater("busy", retry_after=1)
    return tokens.access_token.reveal()


def revoke(issuer: str, token: str, key: DpopKey, kid: str, client_id: str = "") -> bool:
    """Revoke a session at its server; False where that failed. Never raises: the caller's work must go on."""
    try:
        # A key of its own: every revocation is sent.
        return outward.to_the_end(
            ("revoke", object()), lambda: clients().authorization.revoke(issuer, token, key, kid, client_id)
        )
    except AtprotoError as fault:
        log.warning("a session at %s was not revoked: %s", issuer, fault)
        return False
