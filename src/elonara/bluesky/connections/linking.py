"""Storing, replacing and dropping the session of a member, and her DID as a way to sign in."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara import compiled_queries, jobs
from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky import hooks
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.account_rules import BELONGS_TO_ANOTHER, connected_as_another, refuse_conflict
from elonara.bluesky.connections.revocation import revoke_tokens, stored_session
from elonara.bluesky.identity import profiles
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import ActorView, AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests, scopes
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.client import longest_session
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.sealed_columns import keep_key, sealed_columns
from elonara.members import audit
from elonara.members.models import Member

log = logging.getLogger(__name__)

# A refresh that is under way loses its lease: its tokens belong to the session before.
NEXT_FENCE: dict[str, Any] = {
    "lease_fence": F("lease_fence") + 1,
    "lease_owner": "",
    "lease_until": None,
    "attempt_started_at": None,
}


class LastWayToSignIn(Exception):
    """Removing this DID would leave the member without any way to sign in."""

    def __init__(self) -> None:
        self.sentence = _("This is your only way to sign in. Set a password first.")
        super().__init__(self.sentence)


def store_session(row: AuthorizationRequest, member: Member, tokens: TokenSet, key: DpopKey) -> MemberIdentity:
    """Store the tokens of an authorization request in place of the member's old session, then revoke the old one.

    The caller has consumed the request. Raises AuthorizationFailed: belongs_to_another_member, wrong_account.
    """
    known = refuse_conflict(row, member, tokens, key)
    identity = known or MemberIdentity(bsky_did=tokens.did)
    identity.member = member  # known already: reading it would cost a query
    old = stored_session(identity)
    try:
        if not _store(identity, tokens, key, row):
            # Refreshed or disconnected since it was read, so another session is to be revoked: read the row again.
            identity = identity_row(member.pk) or MemberIdentity(member=member, bsky_did=tokens.did)
            old = stored_session(identity)
            _store(identity, tokens, key, row, unconditionally=True)
    except IntegrityError as fault:
        # Two members linked one DID at the same time: the unique column refuses the second.
        revoke_tokens(tokens, key, row)
        raise authorization_requests.authorization_failed(
            row, "belongs_to_another_member", _(BELONGS_TO_ANOTHER).format(who=named(tokens.handle))
        ) from fault
    # Her name and picture are not worth a wait: a job reads them.
    jobs.wake(profiles.JOB_KIND, identity.bsky_did)
    # Only now that the new session is committed may the old one be revoked.
    if old is not None:
        old.revoke()
    hooks.on_ready.fire(identity.member_id, identity.bsky_did)
    return identity


def link_sign_in(member: Member, did: str, handle: str, display_name: str = "") -> MemberIdentity:
    """Store a proved DID as a way to sign in, without a session.

    Raises AuthorizationFailed where the DID is another member's or the member has another.
    """
    try:
        with transaction.atomic():
            identity = identity_row(member.pk)
            if identity is None:
                return MemberIdentity.objects.create(
                    member=member, bsky_did=did, bsky_handle=handle, display_name=display_name[:640]
                )
    except IntegrityError as fault:
        raise AuthorizationFailed(
            "belongs_to_another_member", _(BELONGS_TO_ANOTHER).format(who=named(handle))
        ) from fault
    if identity.bsky_did != did:
        raise connected_as_another(identity, did)
    return identity


def disconnect(member: Member) -> bool:
    """Revoke and drop the member's session, app password and graph copy. See `BlueskyOAuthService.disconnect`."""
    identity = identity_row(member.pk)
    if identity is None:
        return True
    old = stored_session(identity)
    with transaction.atomic():
        MemberIdentity.objects.filter(pk=identity.pk).update(
            state=MemberIdentity.State.REVOKED,
            state_reason="disconnected",
            bsky_scope="",
            posts_by_oauth_since=None,
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
    log.info("member %s disconnected %s; revoked at the server: %s", member.pk, identity.bsky_did, revoked)
    return revoked and app_password_gone


def remove_sign_in(member: Member) -> None:
    """Disconnect, and delete the member's DID, so that anybody may link it. Raises LastWayToSignIn."""
    if not member.has_usable_password():
        raise LastWayToSignIn
    disconnect(member)
    with transaction.atomic():
        if MemberIdentity.objects.filter(member=member).delete()[0]:
            audit.record(member, "sign_in_removed", member, "Bluesky")


def _no_permissions_issuer(identity: MemberIdentity, tokens: TokenSet, row: AuthorizationRequest) -> str:
    """The issuer that left out every permission, so that the next request asks in the other way."""
    if scopes.is_transition(row.scope):
        return identity.no_permissions_issuer if identity.no_permissions_issuer == tokens.issuer else ""
    return tokens.issuer if tokens.scope.split() == [scopes.BASE] else ""


def _store(
    identity: MemberIdentity,
    tokens: TokenSet,
    key: DpopKey,
    row: AuthorizationRequest,
    *,
    unconditionally: bool = False,
) -> bool:
    """Write the new session into the row. False where it has changed since it was read, unless `unconditionally`."""
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
        "no_permissions_issuer": _no_permissions_issuer(identity, tokens, row),
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
    if unconditionally:
        return MemberIdentity.objects.filter(pk=identity.pk).update(**values, **NEXT_FENCE) == 1
    fence = {name: getattr(identity, name) for name in NEXT_FENCE}
    return compiled_queries.update_where(MemberIdentity, as_read, values | fence) == 1
