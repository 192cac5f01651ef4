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
from elonara.bluesky import account_status, hooks, network
from elonara.bluesky.account_status import WAITS_AS, AccountStatus
from elonara.bluesky.app_password import relay_failures
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.oauth import ended_sessions
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.bluesky.refresh_lease import EXPIRY_MARGIN_SECONDS, SessionEnded, TryLater, refresh_under_lease
from elonara.bluesky.sealed_columns import sealed_columns, unsealed
from elonara.locks import Lease
from elonara.sealing import CannotUnseal, KeyMissing

REFRESH_GIVEN_UP_AFTER = timedelta(minutes=10)  # longer than the restart of a server takes
KEYS_RETRY_SECONDS = 60.0  # until another process, which has the key, takes the account

log = logging.getLogger(__name__)

REFUSALS = frozenset({ErrorKind.WRONG_PASSWORD, ErrorKind.ACCOUNT_NOT_FOUND})
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


def reason_of(row: AppPasswordSession) -> str:
    """Why the app password cannot be used, as a reason code for its host."""
    return "app_password_moved" if row.state_reason == "moved" else row.state_reason or "app_password_refused"


def reconsider(row: AppPasswordSession, fault: XrpcError) -> Exception:
    """What the refusal of an account means, once it was looked up where the account is: SessionEnded, TryLater, or
    the refusal itself.
    """
    if fault.kind not in account_status.ABOUT_THE_ACCOUNT:
        return fault
    found = account_status.look_up(row.did, row.pds_url)
    if found.status is AccountStatus.MOVED:
        return _left(row, found.pds_url)
    if found.waits_as:
        return _rests(row, found.waits_as)
    return TryLater("unreachable") if found.status is AccountStatus.UNREACHABLE else fault


def leave_if_moved(row: AppPasswordSession) -> None:
    """Before a post is written: raise SessionEnded or TryLater where the account lives elsewhere by now."""
    if account_status.lives_elsewhere(row.did, row.pds_url):
        found = account_status.look_up(row.did, row.pds_url)
        if found.status is AccountStatus.MOVED:
            raise _left(row, found.pds_url)


def _usable(row: AppPasswordSession, refused: str) -> str | None:
    if row.state != AppPasswordSession.State.ACTIVE:
        raise _ended(row, reason_of(row))
    if not row.access_expires_at or row.access_expires_at <= timezone.now() + timedelta(seconds=EXPIRY_MARGIN_SECONDS):
        return None
    token = _open(row, "access_jwt_enc")
    return token if token and token != refused else None


def _refresh(row: AppPasswordSession, lease: Lease) -> str:
    session = _refreshed_session(row, lease) or _new_session(row, lease)
    if not session.active:
        found = account_status.look_up(row.did, row.pds_url)
        if found.status is AccountStatus.MOVED:
            raise _left(row, found.pds_url, lease)
    values = session_values(row, session)
    if not lease.update(**values, attempt_started_at=None):
        # The member has given a new app password in the meantime, and with it another session.
        raise TryLater("busy", retry_after=1)
    if not session.active:
        status = account_status.of_session(active=False, status=session.status)
        raise _rests(row, WAITS_AS.get(status, "account_deactivated"))
    return session.access_jwt


def _refreshed_session(row: AppPasswordSession, lease: Lease) -> AppSession | None:
    """The session with new tokens, None where the server refuses its refresh token, or to refresh anything."""
    refresh_jwt = _open(row, "refresh_jwt_enc")
    if not refresh_jwt:
        return None
    # Since when no refresh has succeeded: an earlier attempt's time stays.
    if not lease.update(attempt_started_at=row.attempt_started_at or timezone.now()):
        raise TryLater("busy", retry_after=1)
    try:
        return app_password.refresh_session(network.xrpc(), row.pds_url, refresh_jwt)
    except AppPasswordError:
        return None  # ended; or the server signs no session as one of an app password any more, which a new one shows
    except XrpcError as fault:
        if _refreshes_nothing(row, fault):
            log.info("%s does not refresh the session of %s: %s", row.pds_url, row.did, fault)
            return None
        raise _later(row, fault) from fault
    except NetworkError as fault:
        raise TryLater("unreachable") from fault


def _refreshes_nothing(row: AppPasswordSession, fault: XrpcError) -> bool:
    """Whether asking for a refresh again leads nowhere: the server lacks the method, or has failed at it for long."""
    if fault.kind is ErrorKind.BAD_REQUEST:
        return True
    since = row.attempt_started_at
    failed = fault.kind in {ErrorKind.SERVER_ERROR, ErrorKind.MALFORMED_RESPONSE}
    return failed and since is not None and timezone.now() - since >= REFRESH_GIVEN_UP_AFTER


def _new_session(row: AppPasswordSession, lease: Lease) -> AppSession:
    password = _open(row, "app_password_enc")
    try:
        home = network.resolver().resolve_did(row.did, fresh=True).pds_url
    except (IdentityError, NetworkError) as fault:
        raise TryLater("unreachable") from fault
    if home and not account_status.same_server(home, row.pds_url):
        raise _left(row, home, lease)
    try:
        session = app_password.create_session(network.xrpc(), row.pds_url, row.did, password)
    except app_password.AuthFactorRequired as fault:
        raise _refuse(row, lease) from fault
    except AppPasswordError as fault:
        raise _opens_everything(row, lease) from fault
    except XrpcError as fault:
        if fault.kind in account_status.ABOUT_THE_ACCOUNT:
            raise _password_refused(row, lease, fault) from fault
        raise _later(row, fault) from fault
    except NetworkError as fault:
        raise TryLater("unreachable") from fault
    if session.did != row.did:
        raise _refuse(row, lease)
    return session


def _password_refused(row: AppPasswordSession, lease: Lease, fault: XrpcError) -> SessionEnded | TryLater:
    """The PDS does not take the password. Bluesky's own calls it wrong as long as the account is taken down."""
    status = account_status.status_at(row.did, row.pds_url)
    if status in WAITS_AS:
        return _rests(row, WAITS_AS[status])
    if status is AccountStatus.UNREACHABLE:
        return TryLater("unreachable")
    return _refuse(row, lease) if fault.kind in REFUSALS else _later(row, fault)


def _opens_everything(row: AppPasswordSession, lease: Lease) -> SessionEnded | TryLater:
    """The server took it for an app password before, and now opens the whole account with it. It is not used so."""
    identity = MemberIdentity.objects.filter(bsky_did=row.did, member=row.member_id).first()
    if identity is not None:
        oauth_posting.note_full_access(identity, row.pds_url)
    return _refuse(row, lease, oauth_posting.NO_APP_PASSWORDS)


def _left(row: AppPasswordSession, home: str, lease: Lease | None = None) -> SessionEnded | TryLater:
    """The account lives at `home` now. An app password is of one server, and is never sent to another one.

    At bsky.social one authorization server, apart from them, keeps the app passwords of many PDSs: there it goes along.
    That a new home names the same authorization server does not suffice, since any server can name any. An app password
    is not bound to a key of ours: whoever gets it can use it. So the new home has to be of the old one's operator.
    """
    identity = MemberIdentity.objects.filter(bsky_did=row.did, member=row.member_id).first()
    try:
        if account_status.of_one_operator(home, row.pds_url) and _is_kept_apart(row, identity, home):
            rows = AppPasswordSession.objects.filter(pk=row.pk, pds_url=row.pds_url)
            rows.update(pds_url=home, access_expires_at=None)  # the access token names the PDS that it is for
            return TryLater("busy", retry_after=1)
    except NetworkError as fault:
        log.info("whether the app password of %s is good at %s could not be found out: %s", row.did, home, fault)
    if identity is not None and identity.state == MemberIdentity.State.ACTIVE and identity.pds_url == row.pds_url:
        ended_sessions.end(identity, "moved")
    return _refuse(row, lease, "moved")


def _is_kept_apart(row: AppPasswordSession, identity: MemberIdentity | None, home: str) -> bool:
    """Whether one authorization server, which is none of the two PDSs, speaks for both. Raises NetworkError."""
    issuer = account_status.issuer_of(home)
    before = (identity.issuer if identity is not None else "") or account_status.issuer_of(row.pds_url)
    return bool(issuer) and issuer == before and not account_status.same_server(issuer, row.pds_url)


def _rests(row: AppPasswordSession, reason: str) -> TryLater:
    return TryLater(reason if row.member_id is not None else "relay_unavailable")


def _refuse(
    row: AppPasswordSession, lease: Lease | None, reason: str = "app_password_refused"
) -> SessionEnded | TryLater:
    """The password is good no more: mark the row, so that it is not tried again, and notify whoever can help."""
    state = AppPasswordSession.State.REFUSED
    # Without a lease she may have given a new one meanwhile: after a move that is at another PDS.
    rows = lease.rows() if lease else AppPasswordSession.objects.filter(pk=row.pk, pds_url=row.pds_url)
    active = rows.filter(state=AppPasswordSession.State.ACTIVE)
    if active.update(state=state, state_reason=reason, attempt_started_at=None, **NO_TOKENS):
        log.info("the app password of %s is no longer taken: %s", row.did, reason)
        if row.member_id is not None:
            hooks.on_needs_member.fire(row.member_id, row.did)
        else:
            relay_failures.refused(row.handle, moved=reason == "moved")
    row.state, row.state_reason = state, reason
    return _ended(row, reason_of(row))


def _ended(row: AppPasswordSession, reason: str) -> SessionEnded | TryLater:
    # A host can do nothing about the relay account: her posts wait until the operator has given it a new password.
    return SessionEnded(reason) if row.member_id is not None else TryLater("relay_unavailable")


def _later(row: AppPasswordSession, fault: XrpcError) -> TryLater:
    if fault.kind is ErrorKind.RATE_LIMITED:
        return TryLater("rate_limited", fault.retry_after)
    if fault.kind in {ErrorKind.ACCOUNT_DEACTIVATED, ErrorKind.ACCOUNT_TAKENDOWN}:
        return _rests(row, fault.kind.value)
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
