"""When an OAuth session is over, and when it only seems so because its account moved, rests or was taken down."""

from __future__ import annotations

import logging

from elonara.atproto.errors import NetworkError, XrpcError
from elonara.bluesky import account_status, hooks
from elonara.bluesky.account_status import AccountStatus, Whereabouts
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.locks import Lease

log = logging.getLogger(__name__)

NO_TOKENS = {
    "bsky_access_token_enc": "",
    "bsky_refresh_token_enc": "",
    "dpop_key_enc": "",
    "bsky_token_expires_at": None,
}


def end(identity: MemberIdentity, reason: str, *, lease: Lease | None = None) -> bool:
    """Mark the session as ended, drop its tokens, and notify the member: only she can make a new one.

    False where nothing changed: it had ended before, or the lease was lost.
    """
    # Without a lease she may have connected anew meanwhile: after a move that session is at another PDS.
    rows = lease.rows() if lease else MemberIdentity.objects.filter(pk=identity.pk, pds_url=identity.pds_url)
    changed = rows.filter(state=MemberIdentity.State.ACTIVE).update(
        state=MemberIdentity.State.NEEDS_REAUTH, state_reason=reason, attempt_started_at=None, **NO_TOKENS
    )
    if changed:
        log.info("session of member %s (%s) is over: %s", identity.member_id, identity.bsky_did, reason)
        hooks.on_needs_member.fire(identity.member_id, identity.bsky_did)
    return bool(changed)


def ended(identity: MemberIdentity, reason: str, lease: Lease) -> SessionEnded | TryLater:
    """End the session under its lease; what to raise."""
    # A lost lease means that the member has connected again: what ended is the session before.
    return SessionEnded(reason) if end(identity, reason, lease=lease) else TryLater("busy", retry_after=1)


def grant_refused(identity: MemberIdentity, reason: str, lease: Lease) -> SessionEnded | TryLater:
    """The server takes the refresh token no more: what to raise. `reason` is for an account that is where it was.

    Servers refuse the tokens of an account that rests, too, and some take them again afterwards: they are kept.
    """
    found = account_status.look_up(identity.bsky_did, identity.pds_url)
    if found.waits_as:
        lease.update(attempt_started_at=None)
        return TryLater(found.waits_as)
    if found.status is not AccountStatus.MOVED:
        return ended(identity, reason, lease)
    _leave_app_password(identity)
    return ended(identity, "moved", lease)


def token_refused(identity: MemberIdentity) -> None:
    """The PDS refuses a token that its server has just issued: end the session where the account has another PDS now.

    Where it has not, the grant stands: its server renewed it a moment ago. The call fails and is tried again later.
    Raises SessionEnded, TryLater.
    """
    _raise_for_account(identity, account_status.look_up(identity.bsky_did, identity.pds_url))
    log.warning("%s refuses a token of %s that was issued just now", identity.pds_url, identity.bsky_did)


def reconsider(identity: MemberIdentity, fault: XrpcError) -> Exception:
    """What the refusal of an account means, once it was looked up where the account is: SessionEnded, TryLater, or
    the refusal itself.
    """
    if fault.kind not in account_status.ABOUT_THE_ACCOUNT:
        return fault
    try:
        _raise_for_account(identity, account_status.look_up(identity.bsky_did, identity.pds_url))
    except (SessionEnded, TryLater) as over:
        return over
    return fault


def leave_if_moved(identity: MemberIdentity) -> None:
    """Before a post is written: raise SessionEnded or TryLater where the account lives elsewhere by now."""
    if account_status.lives_elsewhere(identity.bsky_did, identity.pds_url):
        found = account_status.look_up(identity.bsky_did, identity.pds_url)
        if found.status is AccountStatus.MOVED:
            _raise_for_account(identity, found)


def _raise_for_account(identity: MemberIdentity, found: Whereabouts) -> None:
    if found.status is AccountStatus.MOVED:
        if follow(identity, found.pds_url):
            raise TryLater("busy", retry_after=1)
        end_as_moved(identity)
        raise SessionEnded("moved")
    if found.waits_as:
        raise TryLater(found.waits_as)
    if found.status is AccountStatus.UNREACHABLE:
        raise TryLater("unreachable")


def end_as_moved(identity: MemberIdentity) -> None:
    """End the session, and the app password with it: both are of the server that the account has left."""
    _leave_app_password(identity)
    end(identity, "moved")


def _leave_app_password(identity: MemberIdentity) -> None:
    # She learns of both at once, and not of the second only when the first is mended.
    rows = AppPasswordSession.objects.filter(did=identity.bsky_did, member=identity.member_id)
    rows.filter(state=AppPasswordSession.State.ACTIVE, pds_url=identity.pds_url).update(
        state=AppPasswordSession.State.REFUSED, state_reason="moved"
    )


def follow(identity: MemberIdentity, pds_url: str) -> bool:
    """Take the session along to another PDS of the same authorization server; False where that one has another.

    bsky.social moves accounts between its servers: its tokens are good there after a refresh, and nobody need be asked.
    """
    try:
        if account_status.issuer_of(pds_url) != identity.issuer:
            return False
    except NetworkError as fault:
        raise TryLater("unreachable") from fault
    rows = MemberIdentity.objects.filter(pk=identity.pk, state=MemberIdentity.State.ACTIVE, pds_url=identity.pds_url)
    # Refreshed before it is used again: an access token names the PDS that it is for.
    if rows.update(pds_url=pds_url, bsky_token_expires_at=None):
        log.info("%s lives at %s now, which %s speaks for too", identity.bsky_did, pds_url, identity.issuer)
    return True
