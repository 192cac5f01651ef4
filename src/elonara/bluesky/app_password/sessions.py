"""The sessions of app passwords: stored, and refreshed by one process at a time. Never one session per post.

A PDS allows 300 `createSession` a day per account, so a new session is made only when the refresh token is refused.
What may go wrong during a refresh, and what a crash costs, is explained in `elonara.bluesky.refresh_lease`.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone

from elonara.atproto import app_password
from elonara.atproto.app_password import AppPasswordError, AppSession, BearerAuth
from elonara.atproto.errors import AtprotoError, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.bluesky import hooks, network
from elonara.bluesky.app_password import relay_failures
from elonara.bluesky.models import AppPasswordSession
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.bluesky.refresh_lease import EXPIRY_MARGIN_SECONDS, SessionEnded, TryLater, refresh_under_lease
from elonara.bluesky.sealed_columns import sealed_columns, unsealed
from elonara.locks import Lease
from elonara.sealing import CannotUnseal, KeyMissing

KEYS_RETRY_SECONDS = 60.0  # until another process, which has the key, takes the account

log = logging.getLogger(__name__)

REFUSALS = frozenset({ErrorKind.WRONG_PASSWORD, ErrorKind.ACCOUNT_TAKENDOWN, ErrorKind.ACCOUNT_NOT_FOUND})
NO_TOKENS = {"access_jwt_enc": "", "refresh_jwt_enc": "", "access_expires_at": None}


def authorizer(session: AppPasswordSession) -> BearerAuth:
    """An authorizer for the calls of one piece of work at `session.pds_url`.

    Raises SessionEnded and TryLater, also later, from inside a call.
    """
    token = _usable(session, "") or fresh_token(session)

    def another_token() -> str:
        return fresh_token(session, refused=token)

    return BearerAuth(token, another_token)


def fresh_token(session: AppPasswordSession, *, refused: str = "") -> str:
    """The session's access token, refreshed if it has expired or is the `refused` one."""
    return refresh_under_lease(
        AppPasswordSession, session.pk, usable=lambda row: _usable(row, refused), refresh=_refresh
    )


def session_values(row: AppPasswordSession, session: AppSession, password: str | None = None) -> dict[str, object]:
    """The columns of a session, sealed for `row`; the password's too where it is new."""
    secrets = {"access_jwt_enc": session.access_jwt, "refresh_jwt_enc": session.refresh_jwt}
    if password is not None:
        secrets["app_password_enc"] = password
    return {**sealed_columns(row, secrets), "access_expires_at": session.expires_at}


def end_at_server(session: AppPasswordSession) -> bool:
    """Delete the session at its PDS; False where that failed. Never raises."""
    try:
        refresh_jwt = unsealed(session, "refresh_jwt_enc")
        if refresh_jwt is not None:
            app_password.delete_session(network.xrpc(), session.pds_url, refresh_jwt.reveal())
    except (AtprotoError, CannotUnseal) as fault:
        log.warning("the app-password session of %s was not ended at its server: %s", session.did, fault)
        return False
    return True


def end_unreadable(row: AppPasswordSession) -> None:
    """Delete an app password that cannot be opened any more, and ask the member for a new one.

    The relay account's is in the settings as well: its next post begins a session with that.
    """
    row.delete()
    if row.member_id is not None:
        hooks.on_needs_member.fire(row.member_id, row.did)


def _usable(row: AppPasswordSession, refused: str) -> str | None:
    if row.state != AppPasswordSession.State.ACTIVE:
        raise _ended(row, row.state_reason or "app_password_refused")
    if not row.access_expires_at or row.access_expires_at <= timezone.now() + timedelta(seconds=EXPIRY_MARGIN_SECONDS):
        return None
    token = _open(row, "access_jwt_enc")
    return token if token and token != refused else None


def _refresh(row: AppPasswordSession, lease: Lease) -> str:
    session = _refreshed_session(row, lease) or _new_session(row, lease)
    values = session_values(row, session)
    if not lease.update(**values, attempt_started_at=None):
        # The member has given a new app password in the meantime, and with it another session.
        raise TryLater("busy", retry_after=1)
    return session.access_jwt


def _refreshed_session(row: AppPasswordSession, lease: Lease) -> AppSession | None:
    """The session with new tokens, None where the server refuses its refresh token."""
    refresh_jwt = _open(row, "refresh_jwt_enc")
    if not refresh_jwt:
        return None
    if not lease.update(attempt_started_at=timezone.now()):
        raise TryLater("busy", retry_after=1)
    try:
        return app_password.refresh_session(network.xrpc(), row.pds_url, refresh_jwt)
    except app_password.AppSessionExpired:
        return None
    except XrpcError as fault:
        raise _later(row, fault) from fault
    except NetworkError as fault:
        raise TryLater("unreachable") from fault


def _new_session(row: AppPasswordSession, lease: Lease) -> AppSession:
    password = _open(row, "app_password_enc")
    try:
        # The account may have moved to another PDS; its DID stays.
        pds_url = network.resolver().resolve_did(row.did, fresh=True).pds_url or row.pds_url
        session = app_password.create_session(network.xrpc(), pds_url, row.did, password)
    except AppPasswordError as fault:
        raise _refuse(row, lease) from fault
    except XrpcError as fault:
        if fault.kind in REFUSALS:
            raise _refuse(row, lease) from fault
        raise _later(row, fault) from fault
    except (IdentityError, NetworkError) as fault:
        raise TryLater("unreachable") from fault
    if session.did != row.did:
        raise _refuse(row, lease)
    row.pds_url = pds_url
    lease.update(pds_url=pds_url)
    return session


def _refuse(row: AppPasswordSession, lease: Lease) -> SessionEnded | TryLater:
    """The PDS refuses the password: mark the row, so that it is not tried again, and notify whoever can help."""
    state = AppPasswordSession.State.REFUSED
    if lease.update(state=state, state_reason="app_password_refused", attempt_started_at=None, **NO_TOKENS):
        log.info("the app password of %s is no longer taken", row.did)
        if row.member_id is not None:
            hooks.on_needs_member.fire(row.member_id, row.did)
        else:
            relay_failures.refused(row.handle)
    return _ended(row, "app_password_refused")


def _ended(row: AppPasswordSession, reason: str) -> SessionEnded | TryLater:
    # A host can do nothing about the relay account: her posts wait until the operator has given it a new password.
    return SessionEnded(reason) if row.member_id is not None else TryLater("relay_unavailable")


def _later(row: AppPasswordSession, fault: XrpcError) -> TryLater:
    if fault.kind is ErrorKind.RATE_LIMITED:
        return TryLater("rate_limited", fault.retry_after)
    if fault.kind is ErrorKind.ACCOUNT_DEACTIVATED:
        return TryLater("account_deactivated" if row.member_id is not None else "relay_unavailable")
    return TryLater("server", fault.retry_after)


def _open(row: AppPasswordSession, column: str) -> str:
    try:
        found = unsealed(row, column)
    except KeyMissing as fault:
        raise TryLater(KEYS_MISSING, retry_after=KEYS_RETRY_SECONDS) from fault
    except CannotUnseal as fault:
        log.error("the app password of %s cannot be opened: %s", row.did, fault)  # noqa: TRY400
        raise _ended(row, "unreadable") from fault
    return found.reveal() if found else ""
