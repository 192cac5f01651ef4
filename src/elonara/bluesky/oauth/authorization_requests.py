"""Trips to authorization servers: the row that remembers one, and who may come back with it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from elonara.atproto.oauth.client import AuthorizationStarted, TokenSet
from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.secret import Secret
from elonara.bluesky.models import AuthorizationRequest
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.sealed_columns import dpop_key, keep_key, sealed_columns, unsealed
from elonara.members.models import Member
from elonara.sealing import CannotUnseal, seal, unseal

ANOTHER_MEMBER = "This was begun by another member in this browser. Start again as yourself."
REQUEST_LIFETIME = timedelta(minutes=10)
EXPIRED = "That sign-in was begun too long ago, or was used already. Start again."
ANOTHER_BROWSER = "This sign-in was begun in another browser, or this one refused the cookie. Start again here."


@dataclass(frozen=True)
class NewAuthorizationRequest:
    """What a trip is for. `expected_did` is the account that must come back, where only one will do."""

    purpose: str
    browser: str
    member: Member | None = None
    next: str = ""
    payload: Mapping[str, Any] | None = None
    confirmed: bool = False
    expected_did: str = ""


def store(started: AuthorizationStarted, wish: NewAuthorizationRequest) -> AuthorizationRequest:
    """Store a trip that has begun. Its secrets are sealed, its `state` is kept as a digest."""
    row = AuthorizationRequest(
        state_hash=_digest(started.state.reveal()),
        browser_hash=_digest(wish.browser),
        purpose=wish.purpose,
        member=wish.member,
        expected_did=started.did or "",
        handle=started.handle,
        issuer=started.issuer,
        pds_url=started.pds_url,
        redirect_uri=started.redirect_uri,
        client_id=started.client_id,
        assertion_kid=started.kid,
        scope=started.scope,
        confirmed=wish.confirmed,
        next=wish.next[:500],
        payload={"press": dict(wish.payload or {}), "expected": wish.expected_did},
        expires_at=timezone.now() + REQUEST_LIFETIME,
    )
    secrets = {"verifier_enc": started.verifier.reveal(), "dpop_key_enc": started.dpop_key.to_json()}
    for column, sealed in sealed_columns(row, secrets).items():
        setattr(row, column, sealed)
    row.save(force_insert=True)
    keep_key(row, started.dpop_key)
    return row


def consume(
    state: str, browser: str, member: Member | None = None
) -> tuple[AuthorizationRequest, AuthorizationStarted]:
    """The trip of this `state`, once, and only in the browser that began it (RFC 6749, section 10.12).

    `member` is who is signed in there, as far as the caller knows; another one than began the trip gets nothing. The
    row is gone afterwards. Raises AuthorizationFailed: expired, other_browser. Neither a foreign browser nor another
    member uses the trip up.
    """
    row = _take(state, browser, member)
    if row is None:
        raise _why_not(state, browser)
    if member is not None:
        row.member = member  # saves a query
    if row.expires_at <= timezone.now():
        raise authorization_failed(row, "expired", EXPIRED)
    try:
        verifier, key = unsealed(row, "verifier_enc"), dpop_key(row)
    except CannotUnseal as fault:
        raise authorization_failed(row, "expired", EXPIRED) from fault
    if verifier is None or key is None:
        raise authorization_failed(row, "expired", EXPIRED)
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
    """Keep the tokens sealed in the trip until the member says on a page of ours that this DID is hers."""
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
    """What `keep_for_confirmation` kept, None where there is nothing (any more)."""
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
    """Delete a trip that is over. False where another request did it first."""
    return AuthorizationRequest.objects.filter(pk=row.pk).delete()[0] > 0


def for_browser(request_id: UUID, browser: str) -> AuthorizationRequest | None:
    """A trip that waits for confirmation, for the browser that made it."""
    row = AuthorizationRequest.objects.filter(
        pk=request_id, consumed_at__isnull=False, expires_at__gt=timezone.now()
    ).first()
    return row if row and hmac.compare_digest(row.browser_hash, _digest(browser)) else None


def pending_action(row: AuthorizationRequest) -> dict[str, Any]:
    """What was pressed before the trip, to be applied after it."""
    return dict(row.payload.get("press") or {})


def authorization_failed(row: AuthorizationRequest, reason: str, sentence: str, **accounts: str) -> AuthorizationFailed:
    """An end without a result, with what a page needs to offer the trip again."""
    return AuthorizationFailed(
        reason, sentence, next=row.next, purpose=row.purpose, handle=row.handle, payload=pending_action(row), **accounts
    )


def _take(state: str, browser: str, member: Member | None) -> AuthorizationRequest | None:
    """Delete the trip and return it: one statement, so that of many callbacks at once one gets it."""
    wanted = "state_hash = %s AND browser_hash = %s AND consumed_at IS NULL"
    values: list[object] = [_digest(state), _digest(browser)]
    if member is not None:
        wanted += " AND (member_id IS NULL OR member_id = %s)"
        values.append(member.pk)
    # The ORM knows no DELETE … RETURNING; SQLite and PostgreSQL do.
    table = AuthorizationRequest._meta.db_table
    deleted = AuthorizationRequest.objects.raw(f"DELETE FROM {table} WHERE {wanted} RETURNING *", values)  # noqa: S608
    return next(iter(deleted), None)


def _why_not(state: str, browser: str) -> AuthorizationFailed:
    row = AuthorizationRequest.objects.filter(state_hash=_digest(state), consumed_at=None).first()
    if row is None:
        return AuthorizationFailed("expired", EXPIRED)
    # Where the trip was going stays unsaid: this browser may belong to somebody else.
    same = hmac.compare_digest(row.browser_hash, _digest(browser))
    return AuthorizationFailed("other_browser", ANOTHER_MEMBER if same else ANOTHER_BROWSER, purpose=row.purpose)


def _seal_kept(row: AuthorizationRequest, name: str, secret: Secret) -> str:
    return seal(secret.reveal(), column=name, row=row.pk, did=row.expected_did)


def _unseal_kept(row: AuthorizationRequest, name: str, sealed: str) -> Secret:
    return Secret(unseal(sealed, column=name, row=row.pk, did=row.expected_did).reveal())


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
