"""Authorization requests in progress: the row that is stored for each, and who may finish it in the callback."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara import compiled_queries
from elonara.atproto.oauth.client import AuthorizationStarted, TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.secret import Secret
from elonara.bluesky.models import AuthorizationRequest
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.sealed_columns import dpop_key, keep_key, sealed_columns, unsealed
from elonara.compiled_queries import CompiledTake
from elonara.members.models import Member
from elonara.sealing import CannotUnseal, seal, unseal

ANOTHER_MEMBER = gettext_noop("This was started by another member in this browser. Start again as yourself.")
REQUEST_LIFETIME = timedelta(minutes=10)
CALLBACK_GRACE = timedelta(minutes=1)  # a callback may be reading an expired row right now
# Together with REQUEST_LIFETIME as long as the session of a visitor who begins a sign-in (`config/sessions.py`): who
# comes back late from her server finds her handle, the page she came from and the answer she gave.
EXPIRED_KEPT_FOR = timedelta(minutes=50)
EXPIRED = gettext_noop("That sign-in has expired or was already used. Start again.")
ANOTHER_BROWSER = gettext_noop(
    "This sign-in was started in another browser, or this one refused the cookie. Start again here."
)


@dataclass(frozen=True)
class NewAuthorizationRequest:
    """What is to be stored for a new authorization request.

    `expected_did` is the only account that will do, `""` where any will. `payload` is the action to apply afterwards.
    """

    purpose: str
    browser: str
    member: Member | None = None
    next: str = ""
    payload: Mapping[str, Any] | None = None
    confirmed: bool = False
    expected_did: str = ""


def store(started: AuthorizationStarted, new: NewAuthorizationRequest) -> AuthorizationRequest:
    """Store a request that was pushed to the server. Its secrets are sealed, of its `state` only a digest is stored."""
    row = AuthorizationRequest(
        state_hash=_digest(started.state.reveal()),
        browser_hash=_digest(new.browser),
        purpose=new.purpose,
        member=new.member,
        expected_did=started.did or "",
        handle=started.handle,
        issuer=started.issuer,
        pds_url=started.pds_url,
        redirect_uri=started.redirect_uri,
        client_id=started.client_id,
        assertion_kid=started.kid,
        scope=started.scope,
        confirmed=new.confirmed,
        next=new.next[:500],
        payload={"press": dict(new.payload or {}), "expected": new.expected_did},
        expires_at=timezone.now() + REQUEST_LIFETIME,
    )
    secrets = {"verifier_enc": started.verifier.reveal(), "dpop_key_enc": started.dpop_key.to_json()}
    for column, sealed in sealed_columns(row, secrets).items():
        setattr(row, column, sealed)
    compiled_queries.insert(row)
    keep_key(row, started.dpop_key)
    return row


def consume(
    state: str, browser: str, member: Member | None = None
) -> tuple[AuthorizationRequest, AuthorizationStarted]:
    """The request with this `state`: once, and only for the browser that began it (RFC 6749, section 10.12).

    `member` is who is signed in there, as far as the caller knows; if another member began the request, it is refused.
    The row is deleted. A refusal to another browser or member does not consume the request. Raises AuthorizationFailed:
    expired, other_browser.
    """
    row = _take(state, browser, member)
    if row is None:
        raise _refusal(state, browser)
    if member is not None:
        row.member = member  # known already: reading it would cost a query
    if row.expires_at <= timezone.now():
        raise authorization_failed(row, "expired", _(EXPIRED))
    try:
        verifier, key = unsealed(row, "verifier_enc"), dpop_key(row)
    except CannotUnseal as fault:
        raise authorization_failed(row, "expired", _(EXPIRED)) from fault
    if verifier is None or key is None:
        raise authorization_failed(row, "expired", _(EXPIRED))
    started = AuthorizationStarted(
        state=Secret(state),
        verifier=Secret(verifier.reveal()),
        dpop_key=key,
        issuer=row.issuer,
        pds_url=row.pds_url,
        did=row.expected_did or None,
        handle=row.handle,
        client_id=row.client_id,
        kid=row.assertion_kid,
        redirect_uri=row.redirect_uri,
        scope=row.scope,
    )
    return row, started


def keep_for_confirmation(row: AuthorizationRequest, tokens: TokenSet) -> None:
    """Store the row again with the tokens sealed in it, until the member confirms on our page that this DID is hers."""
    kept = {
        "did": tokens.did,
        "handle": tokens.handle,
        "pds_url": tokens.pds_url,
        "issuer": tokens.issuer,
        "scope": tokens.scope,
        "expires_at": tokens.expires_at.isoformat(),
        "access": _seal_kept(row, "payload.access", tokens.access_token),
        "refresh": _seal_kept(row, "payload.refresh", tokens.refresh_token),
    }
    now = timezone.now()
    row.payload |= {"tokens": kept}
    row.consumed_at, row.expires_at, row.verifier_enc = now, now + REQUEST_LIFETIME, ""
    row.save(force_insert=True)


def kept_tokens(row: AuthorizationRequest) -> tuple[TokenSet, DpopKey] | None:
    """The tokens that `keep_for_confirmation` stored, and their DPoP key; None where there are none."""
    kept, key = row.payload.get("tokens"), dpop_key(row)
    if not kept or key is None:
        return None
    tokens = TokenSet(
        did=kept["did"],
        handle=kept["handle"],
        pds_url=kept["pds_url"],
        issuer=kept["issuer"],
        access_token=_unseal_kept(row, "payload.access", kept["access"]),
        refresh_token=_unseal_kept(row, "payload.refresh", kept["refresh"]),
        scope=kept["scope"],
        expires_at=datetime.fromisoformat(kept["expires_at"]),
    )
    return tokens, key


def forget(row: AuthorizationRequest) -> bool:
    """Delete a finished request. False where another process deleted it first."""
    return AuthorizationRequest.objects.filter(pk=row.pk).delete()[0] > 0


def expired() -> QuerySet[AuthorizationRequest]:
    """The requests that no callback and no confirmation can use any more."""
    return AuthorizationRequest.objects.filter(expires_at__lt=timezone.now() - CALLBACK_GRACE)


def forget_without_tokens() -> int:
    """Delete expired requests that obtained no tokens, EXPIRED_KEPT_FOR later; returns how many.

    Until then they stay without their secrets, so that a late callback can say where to start again.
    """
    rows = expired().exclude(payload__has_key="tokens")
    count = rows.filter(expires_at__lt=timezone.now() - EXPIRED_KEPT_FOR).delete()[0]
    rows.exclude(verifier_enc="", dpop_key_enc="").update(verifier_enc="", dpop_key_enc="")
    return count


def take(row: AuthorizationRequest) -> bool:
    """Delete a request that waits for confirmation, to use its session. False where another took or ended it first."""
    return AuthorizationRequest.objects.filter(pk=row.pk, expires_at__gt=timezone.now()).delete()[0] > 0


def end(row: AuthorizationRequest) -> bool:
    """End a request that waits for confirmation; the clean-up deletes it. False as for `take`."""
    now = timezone.now()
    return bool(AuthorizationRequest.objects.filter(pk=row.pk, expires_at__gt=now).update(expires_at=now))


def for_browser(request_id: UUID, browser: str) -> AuthorizationRequest | None:
    """A request that waits for confirmation, if this browser began it."""
    row = AuthorizationRequest.objects.filter(
        pk=request_id, consumed_at__isnull=False, expires_at__gt=timezone.now()
    ).first()
    return row if row and hmac.compare_digest(row.browser_hash, _digest(browser)) else None


def pending_action(row: AuthorizationRequest) -> dict[str, Any]:
    """The action that waits for the authorization, to be applied after it."""
    return dict(row.payload.get("press") or {})


def authorization_failed(row: AuthorizationRequest, reason: str, sentence: str, **accounts: str) -> AuthorizationFailed:
    """The failure of this request, with what a page needs to offer to start again."""
    return AuthorizationFailed(
        reason, sentence, next=row.next, purpose=row.purpose, handle=row.handle, payload=pending_action(row), **accounts
    )


def _begun(state: Any, browser: Any) -> QuerySet[AuthorizationRequest]:
    return AuthorizationRequest.objects.filter(state_hash=state, browser_hash=browser, consumed_at__isnull=True)


# One statement reads and deletes a row, so of many callbacks at once one gets it.
_TAKEN: Final = CompiledTake(_begun)
_TAKEN_OF_MEMBER: Final = CompiledTake(
    lambda state, browser, member: _begun(state, browser).filter(Q(member=None) | Q(member=member))
)


def _take(state: str, browser: str, member: Member | None) -> AuthorizationRequest | None:
    """Delete the row and return it; None where there is none for this browser and, if signed in, this member."""
    asked = {"state": _digest(state), "browser": _digest(browser)}
    return _TAKEN.first(**asked) if member is None else _TAKEN_OF_MEMBER.first(**asked, member=member.pk)


def _refusal(state: str, browser: str) -> AuthorizationFailed:
    row = AuthorizationRequest.objects.filter(state_hash=_digest(state), consumed_at=None).first()
    # Of an expired one the browser may have forgotten that it began it.
    if row is None or row.expires_at <= timezone.now():
        return AuthorizationFailed("expired", _(EXPIRED))
    # The failure names no handle and no `next`: this browser may belong to somebody else.
    same = hmac.compare_digest(row.browser_hash, _digest(browser))
    return AuthorizationFailed("other_browser", _(ANOTHER_MEMBER if same else ANOTHER_BROWSER), purpose=row.purpose)


def _seal_kept(row: AuthorizationRequest, name: str, secret: Secret) -> str:
    return seal(secret.reveal(), column=name, row=row.pk, did=row.expected_did)


def _unseal_kept(row: AuthorizationRequest, name: str, sealed: str) -> Secret:
    return Secret(unseal(sealed, column=name, row=row.pk, did=row.expected_did).reveal())


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
