"""`BlueskyOAuthService`: what the rest of the site calls to connect, prove and disconnect a Bluesky account.

One DID belongs to one member and is never moved (`account_rules`). Signing in and proving a DID leave no session
behind; only Connect and Reauthorize store one, in place of the old one, which is then revoked. A sign-in to invite
people (`first_session`) leaves one that waits, sealed and for ten minutes, until the new member confirms it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from elonara.atproto.errors import AtprotoError, OAuthError
from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.metadata import AuthorizationServer
from elonara.atproto.oauth.server_exchange import does_not_know_scope
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky.connections import first_session, linking
from elonara.bluesky.connections.account_rules import refuse_conflict, wrong_account
from elonara.bluesky.connections.revocation import revoke_tokens
from elonara.bluesky.identity import handles
from elonara.bluesky.identity.identities import ConnectedIdentity, by_did, identity_row
from elonara.bluesky.identity.people import INVALID_HANDLE
from elonara.bluesky.identity.profiles import public_profile
from elonara.bluesky.models import AuthorizationPurpose, AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests, client_refusals, scopes
from elonara.bluesky.oauth import client as oauth_client
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.failures import as_authorization_failure
from elonara.bluesky.oauth.outcomes import (
    AskAgain,
    AuthorizationFailed,
    Connected,
    NeedsConfirmation,
    Outcome,
    Proved,
    SignedIn,
    Verified,
)
from elonara.bluesky.refresh_lease import SessionEnded
from elonara.members.models import Member

log = logging.getLogger(__name__)

STORING_PURPOSES = frozenset({AuthorizationPurpose.CONNECT, AuthorizationPurpose.REAUTHORIZE})
CONNECTING_PURPOSES = STORING_PURPOSES | {AuthorizationPurpose.HOST}  # ask for what hosts need
MEMBERS_PURPOSES = STORING_PURPOSES | {AuthorizationPurpose.VERIFY}  # begun by a member, for nobody else to finish
PROMPTS = {
    # For missing permissions or a lost session: the old consent is not enough.
    AuthorizationPurpose.REAUTHORIZE: "consent",
    # Who is signed in at the server in this browser is not enough: the same thief would be.
    AuthorizationPurpose.VERIFY: "login",
}


class BlueskyOAuthService:
    """Begins and finishes authorization requests, and tells the site about members' identities."""

    def begin(
        self,
        purpose: str,
        identifier: str,
        *,
        member: Member | None = None,
        browser: str,
        next: str = "",  # noqa: A002 - the name of the pages' query parameter
        payload: Mapping[str, Any] | None = None,
        confirmed: bool = False,
        expected_did: str = "",
    ) -> str:
        """Push an authorization request and return the URL to send the browser to.

        `identifier` is a handle, a DID or the https address of a server. `browser` is a random value of the browser's
        session. `confirmed` says that the member asked for a link by a POST with CSRF. Raises AuthorizationFailed:
        unknown_account, not_pointing_back, unreachable, server, clock, client_refused, wrong_account.
        """
        return self._begin(
            purpose, identifier, member=member, browser=browser, next=next, payload=payload, confirmed=confirmed,
            expected_did=expected_did,
        )  # fmt: skip

    def _begin(
        self,
        purpose: str,
        identifier: str,
        *,
        member: Member | None,
        browser: str,
        next: str,  # noqa: A002
        payload: Mapping[str, Any] | None = None,
        confirmed: bool = False,
        expected_did: str = "",
        scope: str = "",
    ) -> str:
        """`begin`; `scope` is what to ask for where that is not chosen by the server's metadata."""
        if purpose in MEMBERS_PURPOSES and member is None:
            raise ValueError(f"{purpose} is for a signed-in member")
        if purpose in PROMPTS and member is not None:
            identity = identity_row(member.pk)
            if identity is None:
                raise AuthorizationFailed("not_connected", _("Connect your Bluesky account first."), next=next)
            identifier = expected_did = identity.bsky_did
        try:
            started = oauth_client.clients().authorization.begin(
                identifier.strip(),
                scope=scope or (_choice(member) if purpose in CONNECTING_PURPOSES else scopes.sign_in()),
                prompt=PROMPTS.get(AuthorizationPurpose(purpose), ""),
            )
        except AtprotoError as fault:
            raise as_authorization_failure(
                fault, identifier=identifier, next=next, purpose=purpose, payload=dict(payload or {})
            ) from fault
        client_refusals.accepted(started.issuer)
        if expected_did and started.did and started.did != expected_did:
            raise AuthorizationFailed(
                "wrong_account",
                _("@{handle} is not the Bluesky account that is meant here.").format(handle=started.handle),
                expected=expected_did,
                got=started.did,
                next=next,
                purpose=purpose,
                handle=started.handle,
                payload=dict(payload or {}),
            )
        new = authorization_requests.NewAuthorizationRequest(
            purpose, browser, member if purpose in MEMBERS_PURPOSES else None, next, payload, confirmed, expected_did
        )
        authorization_requests.store(started, new)
        return started.authorize_url

    def reauthorize(self, member: Member, browser: str, next: str = "") -> str:  # noqa: A002
        """Begin a request whose tokens and scope replace the member's stored ones; for the same DID only."""
        return self.begin(
            AuthorizationPurpose.REAUTHORIZE, "", member=member, browser=browser, next=next, confirmed=True
        )

    def verify(self, member: Member, browser: str, next: str = "") -> str:  # noqa: A002
        """Begin a request in which the member signs in at her server anew, to show that it is still her."""
        return self.begin(AuthorizationPurpose.VERIFY, "", member=member, browser=browser, next=next)

    def finish(self, params: Mapping[str, str], *, browser: str, member: Member | None = None) -> Outcome:
        """Finish a request with the callback's parameters. `member` is who is signed in. Raises AuthorizationFailed."""
        row, started = authorization_requests.consume(params.get("state", ""), browser, member)
        try:
            tokens = oauth_client.clients().authorization.finish(started, params)
        except AtprotoError as fault:
            if (other := _other_way(row, fault)) is not None:
                return AskAgain(self._ask_again(row, browser, other))
            raise as_authorization_failure(
                fault,
                identifier=row.handle,
                next=row.next,
                purpose=row.purpose,
                payload=authorization_requests.pending_action(row),
            ) from fault
        expected = row.payload.get("expected") or ""
        if row.purpose not in STORING_PURPOSES:
            return self._proved(row, tokens, started.dpop_key, expected)
        if row.member is None or (expected and tokens.did != expected):
            revoke_tokens(tokens, started.dpop_key, row)
            raise wrong_account(row, expected, tokens)
        if not row.confirmed and not self._is_hers(row.member, tokens.did):
            refuse_conflict(row, row.member, tokens, started.dpop_key)
            authorization_requests.keep_for_confirmation(row, tokens)
            return NeedsConfirmation(row.pk, tokens.did, tokens.handle, row.next)
        identity = linking.store_session(row, row.member, tokens, started.dpop_key)
        return Connected(identity, row.next)

    def confirm(self, request_id: UUID, browser: str, member: Member) -> Connected:
        """Store the session: a POST with CSRF says that this DID is the member's. Raises AuthorizationFailed."""
        row = authorization_requests.for_browser(request_id, browser)
        kept = authorization_requests.kept_tokens(row) if row else None
        # Deleted before it is used: if she presses the button twice, one request goes on.
        if row is None or kept is None or row.member_id != member.pk or not authorization_requests.take(row):
            raise AuthorizationFailed("expired", _(authorization_requests.EXPIRED))
        tokens, key = kept
        return Connected(linking.store_session(row, member, tokens, key), row.next)

    def waiting(self, request_id: UUID, browser: str, member: Member) -> NeedsConfirmation:
        """What the confirm page asks about. Raises AuthorizationFailed."""
        row = authorization_requests.for_browser(request_id, browser)
        kept = row.payload.get("tokens") if row else None
        if row is None or not kept or row.member_id != member.pk:
            raise AuthorizationFailed("expired", _(authorization_requests.EXPIRED))
        is_hers = row.purpose == AuthorizationPurpose.HOST
        return NeedsConfirmation(row.pk, kept["did"], kept["handle"], row.next, is_hers)

    def decline(self, request_id: UUID, browser: str) -> None:
        """Revoke and delete the session that waits for confirmation: the member does not want it."""
        row = authorization_requests.for_browser(request_id, browser)
        kept = authorization_requests.kept_tokens(row) if row else None
        if row is not None and kept is not None and authorization_requests.forget(row):
            revoke_tokens(*kept, row)

    def get_identity_for_member(self, member_id: int) -> ConnectedIdentity | None:
        """The member's DID, handle, token, scope and state; None where she never proved a DID."""
        row = identity_row(member_id)
        return ConnectedIdentity.of(row) if row else None

    def is_connected(self, member_id: int) -> bool:
        """Whether the member has a Bluesky session that works, as far as is known."""
        return MemberIdentity.objects.filter(member_id=member_id, state=MemberIdentity.State.ACTIVE).exists()

    def authorizer(self, member_id: int) -> tuple[str, Authorizer]:
        """The URL of the member's PDS, and an authorizer for calls to it.

        Raises `elonara.bluesky.refresh_lease.SessionEnded` and `TryLater`, also later from inside a call.
        """
        row = identity_row(member_id)
        if row is None:
            raise SessionEnded("not_connected")
        return oauth_sessions.authorizer(row)

    def link_sign_in(self, member: Member, did: str, handle: str, display_name: str = "") -> MemberIdentity:
        """Store a proved DID as a way to sign in, without a session. Raises AuthorizationFailed."""
        return linking.link_sign_in(member, did, handle, display_name)

    def disconnect(self, member: Member) -> bool:
        """Revoke and drop the session, the app password and the graph copy; the DID stays a way to sign in.

        False where a server could not be reached. What is stored here is deleted in any case.
        """
        return linking.disconnect(member)

    def remove_sign_in(self, member: Member) -> None:
        """Delete the DID; anybody may link it then. Raises `linking.LastWayToSignIn` where there is no password."""
        linking.remove_sign_in(member)

    def client_metadata(self) -> dict[str, Any]:
        """The document at `/oauth/oauth-client-metadata.json`."""
        return oauth_client.metadata()

    def jwks(self) -> dict[str, Any]:
        """The document at `/oauth/jwks.json`: public keys alone, retired ones while sessions use them."""
        return oauth_client.jwks()

    def _proved(self, row: AuthorizationRequest, tokens: TokenSet, key: DpopKey, expected: str) -> Outcome:
        identity = by_did(tokens.did)
        waits = row.purpose == AuthorizationPurpose.HOST and first_session.may_wait(identity)
        if not waits or (expected and tokens.did != expected):
            # This session was needed only to learn the DID.
            revoke_tokens(tokens, key, row)
        if expected and tokens.did != expected:
            raise wrong_account(row, expected, tokens)
        if waits:
            first_session.keep(row, tokens, key, identity)
        if row.purpose == AuthorizationPurpose.VERIFY:
            # Unlinked meanwhile, or linked to somebody else: it shows nothing about this member.
            if identity is None or identity.member_id != row.member_id:
                raise wrong_account(row, expected, tokens)
            return Verified(tokens.did, identity.member_id, row.next)
        if tokens.handle != INVALID_HANDLE:
            handles.store(tokens.did, tokens.handle)
            if identity:
                identity.bsky_handle = tokens.handle
        name = identity.display_name if identity else ""
        if not name and (profile := public_profile(tokens.did)):
            name = profile.display_name
        if row.purpose == AuthorizationPurpose.PROVE:
            return Proved(tokens.did, tokens.handle, name, authorization_requests.pending_action(row), row.next)
        return SignedIn(tokens.did, tokens.handle, name, identity, row.next, row.pk if waits else None)

    def _ask_again(self, row: AuthorizationRequest, browser: str, scope: str) -> str:
        return self._begin(
            row.purpose, row.expected_did or row.issuer, member=row.member, browser=browser, next=row.next,
            payload=authorization_requests.pending_action(row), confirmed=row.confirmed,
            expected_did=row.payload.get("expected") or "", scope=scope,
        )  # fmt: skip

    def _is_hers(self, member: Member, did: str) -> bool:
        identity = identity_row(member.pk)
        return identity is not None and identity.bsky_did == did


def _choice(member: Member | None) -> Callable[[AuthorizationServer], list[str]]:
    """What Connect asks for, by what the server says it knows and by what it granted before."""

    def choose(server: AuthorizationServer) -> list[str]:
        identity = identity_row(member.pk) if member is not None else None
        granted_nothing = identity is not None and identity.no_permissions_issuer == server.issuer
        return scopes.offers(server.scopes, granted_nothing=granted_nothing)

    return choose


def _other_way(row: AuthorizationRequest, fault: AtprotoError) -> str | None:
    """What to ask for instead where the server's page refused the scope of a Connect, None where nothing is left.

    Permissions are asked for first, `transition:generic` after that, and then nothing more.
    """
    if row.purpose not in CONNECTING_PURPOSES or not isinstance(fault, OAuthError) or not does_not_know_scope(fault):
        return None
    return None if scopes.is_transition(row.scope) else next(filter(scopes.is_transition, scopes.families()))
