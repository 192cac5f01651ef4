"""The account rules: one DID belongs to one member, one member has one DID, and neither is ever moved or merged."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky.connections.revocation import revoke_tokens
from elonara.bluesky.identity.identities import either
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.members.models import Member

BELONGS_TO_ANOTHER = gettext_noop(
    "{who} belongs to another member of this site. Sign in as that member, or choose another Bluesky account. "
    "Accounts are never moved or merged."
)


def wrong_account(row: AuthorizationRequest, expected: str, tokens: TokenSet) -> AuthorizationFailed:
    """The failure for a grant of another account than the expected one."""
    return authorization_requests.authorization_failed(
        row,
        "wrong_account",
        _(
            "You are {who}; this was for another Bluesky account. "
            "Start again and choose that one on your server's page."
        ).format(who=named(tokens.handle)),
        expected=expected,
        got=tokens.did,
    )


def refuse_conflict(row: AuthorizationRequest, member: Member, tokens: TokenSet, key: DpopKey) -> MemberIdentity | None:
    """Raise AuthorizationFailed, and revoke the new session, where the DID or the member is already linked elsewhere.

    Returns the member's identity, which then is of this DID, or None where she has none.
    """
    rows = either(tokens.did, member.pk)
    failure = _conflict(row, tokens, rows)
    if failure is not None:
        revoke_tokens(tokens, key, row)
        raise failure
    return next(iter(rows), None)


def _conflict(
    row: AuthorizationRequest, tokens: TokenSet, rows: Sequence[MemberIdentity]
) -> AuthorizationFailed | None:
    if any(known.bsky_did == tokens.did and known.member_id != row.member_id for known in rows):
        return authorization_requests.authorization_failed(
            row, "belongs_to_another_member", _(BELONGS_TO_ANOTHER).format(who=named(tokens.handle)), got=tokens.did
        )
    other = next((known for known in rows if known.bsky_did != tokens.did), None)
    return connected_as_another(other, tokens.did, row) if other is not None else None


def connected_as_another(
    identity: MemberIdentity, did: str, row: AuthorizationRequest | None = None
) -> AuthorizationFailed:
    """The failure for a member who is connected as one account and has proved another, `did`."""
    sentence = _(
        "You are connected as {who}, and that was a different account. "
        "Each member has one Bluesky account; start again and choose yours on your server's page."
    ).format(who=named(identity.bsky_handle))
    if row is None:
        return AuthorizationFailed("wrong_account", sentence, expected=identity.bsky_did, got=did)
    return authorization_requests.authorization_failed(
        row, "wrong_account", sentence, expected=identity.bsky_did, got=did
    )
