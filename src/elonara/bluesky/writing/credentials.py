"""Which stored credential may write for which account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from elonara.atproto.http import Response
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky import hooks
from elonara.bluesky.app_password import sessions as app_sessions
from elonara.bluesky.app_password.app_passwords import RelayUnavailable, relay_did, relay_session, session_of
from elonara.bluesky.identity import oauth_posting
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
    identity = identity_row(member_id)
    if author_did in {None, own.did if own is not None else None, identity.bsky_did if identity is not None else None}:
        raise NoCredential(lacking(identity, own), needs_reauth=True)
    raise NoCredential("other_author" if identity is not None else "not_connected", needs_reauth=identity is None)


def lacking(identity: MemberIdentity | None, own: AppPasswordSession | None) -> str:
    """Why a member has no app password to post by, as a reason code."""
    if identity is not None and oauth_posting.knows_no_app_passwords(identity):
        return oauth_posting.NO_APP_PASSWORDS  # another app password would be of no use
    if own is not None:
        return app_sessions.reason_of(own)
    return "app_password_missing" if identity is not None else "not_connected"


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


def by_consent(member_id: int, author_did: str | None) -> Credential:
    """As `by_oauth`, for a member whose consent lets her posts go so in legacy mode. It is asked for at each request.

    Raises NoCredential, also later, from inside a call: where she has withdrawn, no further request is sent.
    """
    _require_consent(member_id)
    found = by_oauth(member_id, author_did)
    return replace(found, auth=_WhileConsented(found.auth, member_id))


def _require_consent(member_id: int) -> None:
    if not oauth_posting.has_consented(member_id):
        raise NoCredential(lacking(identity_row(member_id), session_of(member_id)), needs_reauth=True)


class _WhileConsented:
    """An `xrpc.Authorizer` that signs nothing more once the member has withdrawn her consent."""

    def __init__(self, auth: Authorizer, member_id: int) -> None:
        self._auth = auth
        self._member_id = member_id

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The headers of a request that is about to be sent. Raises NoCredential."""
        _require_consent(self._member_id)
        return self._auth.headers(method, url)

    def retry(self, method: str, url: str, response: Response) -> bool:
        """See `Authorizer`."""
        return self._auth.retry(method, url, response)

    def observe(self, url: str, response: Response) -> None:
        """See `Authorizer`."""
        self._auth.observe(url, response)


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
