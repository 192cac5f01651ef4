"""How an authorization request can end: the result types that `BlueskyOAuthService.finish` returns or raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from elonara.bluesky.models import MemberIdentity


@dataclass(frozen=True)
class SignedIn:
    """A visitor proved a DID to sign in. `identity` is None where no member has this DID: the page offers an account.

    `request_id` is the request whose session waits until the member confirms that it is to be kept; None where none
    does. Only a sign-in to invite people leaves one.
    """

    did: str
    handle: str
    display_name: str
    identity: MemberIdentity | None
    next: str
    request_id: UUID | None = None


@dataclass(frozen=True)
class Connected:
    """The member's session (tokens and scope) was stored, in place of the old one where there was one."""

    identity: MemberIdentity
    next: str


@dataclass(frozen=True)
class NeedsConfirmation:
    """A link that no form of ours began. The page names the DID and asks; `confirm` then stores the session.

    `is_hers`: the DID is the member's already, who signed in with it to invite people.
    """

    request_id: UUID
    did: str
    handle: str
    next: str
    is_hers: bool = False


@dataclass(frozen=True)
class Proved:
    """An invitee proved a DID. `payload` is the action that waited for the proof. Nothing was stored."""

    did: str
    handle: str
    display_name: str
    payload: dict[str, Any]
    next: str


@dataclass(frozen=True)
class Verified:
    """A signed-in member proved her DID once more, with a new sign-in at her server. Nothing was stored."""

    did: str
    member_id: int
    next: str


@dataclass(frozen=True)
class AskAgain:
    """The server does not know the permissions that Connect asked for: it is asked once more, in the other way, at
    `authorize_url`. Nothing was stored.
    """

    authorize_url: str


type Outcome = SignedIn | Connected | NeedsConfirmation | Proved | Verified | AskAgain


@dataclass
class AuthorizationFailed(Exception):
    """The authorization request failed. `sentence` says why and what to do next; it holds no secret.

    Reasons: access_denied, expired, other_browser, wrong_account (`expected` and `got` are DIDs), wrong_issuer,
    belongs_to_another_member, missing_scope, unknown_account, not_pointing_back, unreachable, server,
    clock and client_refused (this site's own fault), not_connected.
    `next`, `purpose`, `handle` and `payload` are those of the request, as far as they are known, so that a page can
    offer to start again.
    """

    reason: str
    sentence: str
    expected: str = ""
    got: str = ""
    next: str = ""
    purpose: str = ""
    handle: str = ""
    payload: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason}: {self.sentence}"
