"""The session of somebody who signs in for the first time to invite people: one consent for account and connection.

Her server is asked for Connect's permissions before she has an account here. The tokens wait, sealed, in the row of the
request, at most as long as a request lives. They become a stored session only for a member who may act, who presses the
button that names what is kept, in the browser that began. In every other case they are revoked: at once where no
account can follow (registration is closed or asks for approval, the member is suspended or connected already) or
somebody signs in by a password, else by the hourly clean-up.
"""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.oauth.client import TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky.connections import linking
from elonara.bluesky.connections.revocation import revoke_tokens
from elonara.bluesky.models import AuthorizationPurpose, AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.members import queries as members
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

NOT_KEPT = gettext_noop("Your Bluesky permission was not kept: connect once your account may invite.")


def is_offered() -> bool:
    """Whether a visitor may ask for it: where accounts wait for approval, the permission could not be kept."""
    return members.registration_mode() == "open"


def may_wait(identity: MemberIdentity | None) -> bool:
    """Whether a session may wait for this account's confirmation. `identity` is that of the proved DID, if any."""
    if identity is None:
        return is_offered()
    # A session that works is never replaced by a sign-in.
    return members.may_act(identity.member) and identity.state != MemberIdentity.State.ACTIVE


def keep(row: AuthorizationRequest, tokens: TokenSet, key: DpopKey, identity: MemberIdentity | None) -> None:
    """Let the session wait in the row of its request, which was consumed. `identity`: as in `may_wait`."""
    row.member = identity.member if identity else None
    try:
        authorization_requests.keep_for_confirmation(row, tokens)
    except BaseException:
        revoke_tokens(tokens, key, row)
        raise


def allowed(request_id: str | None, browser: str, did: str) -> str:
    """The scope that the account `did` has granted, while its session waits for a new member; else ""."""
    row = _waiting(request_id, browser, did)
    return str(row.payload["tokens"]["scope"]) if row else ""


def confirm(request_id: str | None, browser: str, member: Member, did: str) -> MemberIdentity:
    """Store the session for the new member, whose DID is linked already. She pressed the button that says so.

    Raises AuthorizationFailed: expired (used, or by another browser or account), belongs_to_another_member,
    wrong_account, not_allowed (the member may not act: the session is revoked).
    """
    row = _waiting(request_id, browser, did)
    kept = _tokens(row) if row else None
    # Deleted before it is used: of two presses, or of a press and a refusal (`drop`), one goes on.
    if row is None or kept is None or not authorization_requests.take(row):
        raise AuthorizationFailed("expired", _(authorization_requests.EXPIRED))
    # Read anew: an operator may have suspended her a moment ago.
    if not members.may_act(Member.objects.filter(pk=member.pk).first()):
        revoke_tokens(*kept, row)
        raise AuthorizationFailed("not_allowed", _(NOT_KEPT))
    row.member = member
    return linking.store_session(row, member, *kept)


def drop(request_id: str | None, browser: str) -> None:
    """Revoke and delete the session that waits: it is not wanted, or cannot be kept."""
    row = _of_browser(request_id, browser)
    kept = _tokens(row) if row else None
    if row is None or not authorization_requests.end(row) or kept is None:
        return
    if revoke_tokens(*kept, row):
        authorization_requests.forget(row)  # else the hourly clean-up tries again


def _of_browser(request_id: str | None, browser: str) -> AuthorizationRequest | None:
    row = authorization_requests.for_browser(UUID(request_id), browser) if request_id else None
    return row if row is not None and row.purpose == AuthorizationPurpose.HOST else None


def _waiting(request_id: str | None, browser: str, did: str) -> AuthorizationRequest | None:
    row = _of_browser(request_id, browser)
    # A session of a member is confirmed on her own page, by `BlueskyOAuthService.confirm`.
    if row is None or row.member_id is not None or row.payload.get("tokens", {}).get("did") != did:
        return None
    return row


def _tokens(row: AuthorizationRequest) -> tuple[TokenSet, DpopKey] | None:
    try:
        return authorization_requests.kept_tokens(row)
    except CannotUnseal:
        return None
