"""Which stored credential may write for which account."""

from __future__ import annotations

from functools import partial

from elonara.bluesky import hooks
from elonara.bluesky.app_password import sessions as app_sessions
from elonara.bluesky.app_password.app_passwords import RelayUnavailable, relay_did, relay_session, session_of
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.oauth import ended_sessions, scopes
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.writing.repo_writer import Credential, NoCredential


def by_app_password(member_id: int, author_did: str | None, *, new: bool) -> Credential:
    """The member's own app password, else the relay account's. `new`: for a new post, subject to the relay policy.

    Raises NoCredential, SessionEnded, TryLater.
    """
    own = session_of(member_id)
    if own is not None and author_did in {None, own.did} and own.state == AppPasswordSession.State.ACTIVE:
        return _of_app_password(own, "app_password")
    if author_did is None or author_did == relay_did():
        refusal = hooks.relay_refusal(member_id) if new else ""
        if not refusal:
            return by_relay()
        if author_did is not None:
            raise NoCredential(refusal)
    if own is not None and author_did in {None, own.did}:
        raise NoCredential(app_sessions.reason_of(own), needs_reauth=True)
    identity = identity_row(member_id)
    if identity is None:
        raise NoCredential("not_connected", needs_reauth=True)
    if author_did in {None, identity.bsky_did}:
        raise NoCredential("app_password_missing", needs_reauth=True)
    raise NoCredential("other_author")


def by_relay() -> Credential:
    """The relay account. Raises NoCredential and TryLater, never SessionEnded: no member can do anything about it."""
    try:
        return _of_app_password(relay_session(), "relay")
    except RelayUnavailable as fault:
        raise NoCredential(fault.reason, retryable=fault.reason == "relay_unavailable") from fault


def by_oauth(member_id: int, author_did: str | None) -> Credential:
    """The member's OAuth session. Raises NoCredential, SessionEnded, TryLater."""
    identity = identity_row(member_id)
    if identity is None:
        raise NoCredential("not_connected", needs_reauth=True)
    if author_did not in {None, identity.bsky_did}:
        raise NoCredential("other_author")
    if identity.state == MemberIdentity.State.ACTIVE and not scopes.can_write(identity.bsky_scope):
        raise NoCredential("scope_missing", needs_reauth=True)
    pds_url, auth = oauth_sessions.authorizer(identity)
    return Credential(
        identity.bsky_did,
        identity.bsky_handle,
        pds_url,
        "oauth",
        auth,
        partial(ended_sessions.reconsider, identity),
        partial(ended_sessions.leave_if_moved, identity),
    )


def _of_app_password(session: AppPasswordSession, backend: str) -> Credential:
    return Credential(
        session.did,
        session.handle,
        session.pds_url,
        "relay" if backend == "relay" else "app_password",
        app_sessions.authorizer(session),
        partial(app_sessions.reconsider, session),
        partial(app_sessions.leave_if_moved, session),
    )
