"""Which DID belongs to which member: storing, replacing and forgetting sessions. All by the account rules."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from elonara import compiled_queries, jobs
from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky import hooks
from elonara.bluesky.identity import profiles
from elonara.bluesky.identity.identities import either, identity_row
from elonara.bluesky.models import ActorView, AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.client import longest_session
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.sealed_columns import dpop_key, keep_key, sealed_columns, unsealed
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

log = logging.getLogger(__name__)

FOREIGN = (
    "{who} belongs to another member of this site. Sign in as that member, or choose another Bluesky account. "
    "Accounts are never moved or merged."
)
# Whoever holds the lease of a refresh loses it: its answer is for a session that is over.
NEXT_FENCE: dict[str, Any] = {
    "lease_fence": F("lease_fence") + 1,
    "lease_owner": "",
    "lease_until": None,
    "attempt_started_at": None,
}


class LastWayToSignIn(Exception):
    """The member would have no way to sign in left."""

    sentence = "This is your only way to sign in. Set a password first."


@dataclass(frozen=True)
class NewSession:
    """What it takes to end a session at its server."""

    issuer: str
    token: str
    key: DpopKey
    kid: str

    def __repr__(self) -> str:
        return f"<Session at {self.issuer}>"

    def revoke(self) -> bool:
        """End it; False where that could not be done."""
        return oauth_sessions.revoke(self.issuer, self.token, self.key, self.kid)


def revoke_tokens(tokens: TokenSet, key: DpopKey, kid: str) -> bool:
    """End the session that has just been made."""
    token = tokens.refresh_token.reveal() or tokens.access_token.reveal()
    return NewSession(tokens.issuer, token, key, kid).revoke()


def wrong_account(row: AuthorizationRequest, expected: str, tokens: TokenSet) -> AuthorizationFailed:
    """Another account came back than the one that was meant."""
    return authorization_requests.authorization_failed(
        row,
        "wrong_account",
        f"You are {named(tokens.handle)}; this was for another Bluesky account. "
        "Start again and choose that one on your server's page.",
        expected=expected,
        got=tokens.did,
    )


def refuse_foreign(row: AuthorizationRequest, member: Member, tokens: TokenSet, key: DpopKey) -> MemberIdentity | None:
    """Raise AuthorizationFailed, and end the new session, where the DID or the member is already taken.

    Returns the member's identity, if she has one: then it is of this DID.
    """
    rows = either(tokens.did, member.pk)
    failure = _conflict(row, tokens, rows)
    if failure is not None:
        revoke_tokens(tokens, key, row.assertion_kid)
        raise failure
    return next(iter(rows), None)


def store_session(row: AuthorizationRequest, member: Member, tokens: TokenSet, key: DpopKey) -> MemberIdentity:
    """Store the session that a trip brought, over the member's old one, then revoke the old one.

    The caller has consumed the trip. Raises AuthorizationFailed: belongs_to_another_member, wrong_account.
    """
    known = refuse_foreign(row, member, tokens, key)
    identity = known or MemberIdentity(bsky_did=tokens.did)
    identity.member = member  # known already: saves whoever asks a query
    old = stored_session(identity)
    try:
        if not _fill(identity, tokens, key, row):
            # Refreshed or disconnected since it was read: what is to be revoked is another session.
            identity = identity_row(member.pk) or MemberIdentity(member=member, bsky_did=tokens.did)
            old = stored_session(identity)
            _fill(identity, tokens, key, row, whatever=True)
    except IntegrityError as fault:
        # Two links of one DID at once: the database decides, the later one is refused.
        revoke_tokens(tokens, key, row.assertion_kid)
        raise authorization_requests.authorization_failed(
            row, "belongs_to_another_member", FOREIGN.format(who=named(tokens.handle))
        ) from fault
    # A name is not worth a wait: it is read beside.
    jobs.wake(profiles.JOB_KIND, identity.bsky_did)
    # The new session is committed: only now can the old one go.
    if old is not None:
        old.revoke()
    hooks.on_ready.fire(identity.member_id, identity.bsky_did)
    return identity


def link_sign_in(member: Member, did: str, handle: str, display_name: str = "") -> MemberIdentity:
    """Note a proved DID as a way to sign in. Raises AuthorizationFailed where it or the member is taken."""
    try:
        with transaction.atomic():
            identity = identity_row(member.pk)
            if identity is None:
                return MemberIdentity.objects.create(
                    member=member, bsky_did=did, bsky_handle=handle, display_name=display_name[:640]
                )
    except IntegrityError as fault:
        raise AuthorizationFailed("belongs_to_another_member", FOREIGN.format(who=named(handle))) from fault
    if identity.bsky_did != did:
        raise _another(identity, did)
    return identity


def disconnect(member: Member) -> bool:
    """Revoke and drop the member's session, app password and graph copy. See `BlueskyOAuthService.disconnect`."""
    # Imported here: app passwords look at identities, too.
    from elonara.bluesky.app_password import app_passwords  # noqa: PLC0415

    identity = identity_row(member.pk)
    if identity is None:
        return True
    old = stored_session(identity)
    with transaction.atomic():
        MemberIdentity.objects.filter(pk=identity.pk).update(
            state=MemberIdentity.State.REVOKED,
            state_reason="disconnected",
            bsky_scope="",
            connected_at=None,
            session_ends_at=None,
            client_id="",
            assertion_kid="",
            display_name="",
            avatar_url="",
            profile_due_at=None,
            **oauth_sessions.NO_TOKENS,
            **NEXT_FENCE,
        )
        ActorView.objects.filter(member=member).delete()
        hooks.on_disconnect.fire(member.pk, identity.bsky_did)
    app_password_gone = app_passwords.remove(member)
    revoked = old.revoke() if old else True
    log.info("member %s disconnected %s; told the server: %s", member.pk, identity.bsky_did, revoked)
    return revoked and app_password_gone


def remove_sign_in(member: Member) -> None:
    """Free the member's DID, after a disconnect. Raises LastWayToSignIn."""
    if not member.has_usable_password():
        raise LastWayToSignIn(LastWayToSignIn.sentence)
    disconnect(member)
    MemberIdentity.objects.filter(member=member).delete()


def stored_session(identity: MemberIdentity) -> NewSession | None:
    """What it takes to end the stored session, None where there is none or it cannot be opened."""
    try:
        token = unsealed(identity, "bsky_refresh_token_enc") or unsealed(identity, "bsky_access_token_enc")
        key = dpop_key(identity)
    except CannotUnseal as fault:
        log.error("the session of member %s cannot be opened to revoke it: %s", identity.member_id, fault)  # noqa: TRY400
        return None
    if token is None or key is None:
        return None
    return NewSession(identity.issuer, token.reveal(), key, identity.assertion_kid)


def _fill(
    identity: MemberIdentity,
    tokens: TokenSet,
    key: DpopKey,
    row: AuthorizationRequest,
    *,
    whatever: bool = False,
) -> bool:
    """Write a session into the row; False where it is not as it was read, unless `whatever` is there may go."""
    now = timezone.now()
    as_read = {
        "id": identity.pk,
        "lease_fence": identity.lease_fence,
        "bsky_refresh_token_enc": identity.bsky_refresh_token_enc,
    }
    secrets = {
        "bsky_access_token_enc": tokens.access_token.reveal(),
        "bsky_refresh_token_enc": tokens.refresh_token.reveal(),
        "dpop_key_enc": key.to_json(),
    }
    values: dict[str, Any] = {
        **sealed_columns(identity, secrets),
        "bsky_handle": tokens.handle,
        "bsky_scope": tokens.scope,
        "bsky_token_expires_at": tokens.expires_at,
        "pds_url": tokens.pds_url,
        "issuer": tokens.issuer,
        "client_id": row.client_id,
        "assertion_kid": row.assertion_kid,
        "state": MemberIdentity.State.ACTIVE,
        "state_reason": "",
        "connected_at": identity.connected_at or now,
        "session_ends_at": now + longest_session(),
        "profile_due_at": now,
    }
    for name, value in values.items():
        setattr(identity, name, value)
    keep_key(identity, key)
    identity.lease_fence, identity.lease_owner, identity.lease_until = identity.lease_fence + 1, "", None
    identity.attempt_started_at = None
    if identity._state.adding:
        with transaction.atomic():
            identity.save(force_insert=True)
        return True
    if whatever:
        return MemberIdentity.objects.filter(pk=identity.pk).update(**values, **NEXT_FENCE) == 1
    fence = {name: getattr(identity, name) for name in NEXT_FENCE}
    return compiled_queries.update_where(MemberIdentity, as_read, values | fence) == 1


def _conflict(
    row: AuthorizationRequest, tokens: TokenSet, rows: Sequence[MemberIdentity]
) -> AuthorizationFailed | None:
    if any(known.bsky_did == tokens.did and known.member_id != row.member_id for known in rows):
        return authorization_requests.authorization_failed(
            row, "belongs_to_another_member", FOREIGN.format(who=named(tokens.handle)), got=tokens.did
        )
    other = next((known for known in rows if known.bsky_did != tokens.did), None)
    return _another(other, tokens.did, row) if other is not None else None


def _another(identity: MemberIdentity, did: str, row: AuthorizationRequest | None = None) -> AuthorizationFailed:
    sentence = (
        f"You are connected as {named(identity.bsky_handle)}, and that was another account. "
        "One member has one Bluesky account; start again and choose yours on your server's page."
    )
    if row is None:
        return AuthorizationFailed("wrong_account", sentence, expected=identity.bsky_did, got=did)
    return authorization_requests.authorization_failed(
        row, "wrong_account", sentence, expected=identity.bsky_did, got=did
    )
