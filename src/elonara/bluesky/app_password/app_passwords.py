"""App passwords: stored, checked and removed. Members give theirs on a form, the operator the relay account's.

The form never links an account: the password's DID must be the one that the member has proved by OAuth.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto import app_password
from elonara.atproto.app_password import AppPasswordError, AppSession, AuthFactorRequired
from elonara.atproto.errors import AtprotoError, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.atproto.identity import Identity
from elonara.bluesky import hooks, network
from elonara.bluesky.account_status import rests
from elonara.bluesky.app_password import relay_failures
from elonara.bluesky.app_password.refusals import (
    KNOWS_NO_APP_PASSWORDS,
    AppPasswordRefused,
    code_by_email,
    full_access,
)
from elonara.bluesky.app_password.sessions import REFUSALS, authorizer, end_at_server, session_values
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import AppPasswordSession
from elonara.bluesky.oauth.failures import BY_IDENTITY, UNREACHABLE, named
from elonara.bluesky.sealed_columns import unsealed
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

__all__ = [
    "KNOWS_NO_APP_PASSWORDS", "AppPasswordRefused", "authorizer", "connect", "relay_session", "remove", "session_of",
]  # fmt: skip

log = logging.getLogger(__name__)

WRONG = gettext_noop(
    "Bluesky did not accept that app password for {who}. Copy it again from Bluesky, or create a new one there under "
    "Settings, Privacy and security, App passwords."
)


class RelayUnavailable(Exception):
    """The relay account cannot be used: none is configured, its PDS refuses the password, or cannot be reached."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def connect(member: Member, identifier: str, password: str) -> AppPasswordSession:
    """Check an app password at the member's PDS and store it, sealed, with its session. Raises AppPasswordRefused.

    An empty `identifier` means the connected account. Another account is refused before the password is sent.
    """
    identity, password = identity_row(member.pk), password.strip()
    if identity is None:
        raise AppPasswordRefused("not_connected", _("Connect your Bluesky account first; then add its app password."))
    if not password:
        raise AppPasswordRefused("empty", _("Enter the app password."))
    account = _account(identifier.strip().removeprefix("@") or identity.bsky_did)
    if account.did != identity.bsky_did:
        raise AppPasswordRefused(
            "other_account",
            _(
                "{entered} is not the same account as {connected}, which you connected. "
                "Enter an app password of the connected one."
            ).format(entered=named(account.handle), connected=named(identity.bsky_handle)),
        )
    try:
        session = _new_session(account, password)
    except AppPasswordRefused as fault:
        if fault.reason == oauth_posting.NO_APP_PASSWORDS:
            oauth_posting.note_full_access(identity, account.pds_url)
        raise
    row = _store(member, account, session, password)
    oauth_posting.note_app_password(identity)
    return row


def remove(member: Member) -> bool:
    """Delete the member's app password and end its session; False where the server could not be reached."""
    session = session_of(member.pk)
    if session is None:
        return True
    # The row goes first: a refresh that is under way then finds nowhere to store its tokens.
    AppPasswordSession.objects.filter(pk=session.pk).delete()
    return end_at_server(session)


def session_of(member_id: int) -> AppPasswordSession | None:
    """The member's app password and its session, in any state; None where there is none."""
    return AppPasswordSession.objects.filter(member_id=member_id).first()


def relay_session() -> AppPasswordSession:
    """The session of the relay account, made on first use and again when the settings have changed.

    Raises RelayUnavailable.
    """
    relay = settings.ELONARA.bluesky.relay
    if not relay.identifier:
        raise RelayUnavailable("relay_not_configured")
    row = AppPasswordSession.objects.filter(member=None).first()
    if row is not None and _is_configured(row, relay.identifier, relay.app_password):
        return row
    if relay_failures.is_paused(relay):
        raise RelayUnavailable("relay_unavailable")
    account = None
    # By its DID once it is known: a handle may have moved to somebody else, who would post for the site from then on.
    known = row if row is not None and _names(row, relay.identifier) else None
    try:
        account = network.resolver().resolve(known.did if known else relay.identifier.removeprefix("@"), fresh=True)
        if known is not None:
            account = replace(account, handle=known.handle)  # the name in the settings goes on meaning this account
        session = app_password.create_session(network.xrpc(), account.pds_url, account.did, relay.app_password)
        row = _replace(None, account, session, relay.app_password)
    except AtprotoError as fault:
        log.warning("the relay account %s cannot be used: %s", relay.identifier, fault)
        refused = isinstance(fault, XrpcError) and fault.kind in REFUSALS
        refused = refused and not (account and rests(account.did, account.pds_url))
        if isinstance(fault, AppPasswordError) or refused:
            relay_failures.pause(relay, relay_failures.REFUSED_PAUSE)
            relay_failures.refused(relay.identifier)
        else:
            relay_failures.pause(relay, relay_failures.UNREACHABLE_PAUSE)
        raise RelayUnavailable("relay_unavailable") from fault
    except IntegrityError as fault:
        log.warning("the relay account %s is also a member's account, with her own app password", relay.identifier)
        relay_failures.pause(relay, relay_failures.REFUSED_PAUSE)
        raise RelayUnavailable("relay_unavailable") from fault
    relay_failures.settle()
    return row


def relay_is_configured() -> bool:
    """Whether the operator has configured a relay account."""
    return bool(settings.ELONARA.bluesky.relay.identifier)


def relay_did() -> str:
    """The DID of the relay account where it is known without a network request, else `""`."""
    if not relay_is_configured():
        return ""
    return AppPasswordSession.objects.filter(member=None).values_list("did", flat=True).first() or ""


def _account(identifier: str) -> Identity:
    try:
        # Never from the cache: the account may have moved, and the app password be one of its new server.
        return network.resolver().resolve(identifier, fresh=True)
    except IdentityError as fault:
        reason, sentence = BY_IDENTITY[fault.reason]
        raise AppPasswordRefused(reason, _(sentence).format(who=named(identifier))) from fault
    except NetworkError as fault:
        raise AppPasswordRefused("unreachable", _(UNREACHABLE).format(who=named(identifier))) from fault


def _new_session(account: Identity, password: str) -> AppSession:
    who = named(account.handle)
    try:
        session = app_password.create_session(network.xrpc(), account.pds_url, account.did, password)
    except AuthFactorRequired as fault:
        raise code_by_email(account) from fault
    except AppPasswordError as fault:
        raise full_access(account, password) from fault
    except XrpcError as fault:
        raise _refusal(fault, account) from fault
    except NetworkError as fault:
        raise AppPasswordRefused("unreachable", _(UNREACHABLE).format(who=who)) from fault
    if session.did != account.did:
        raise AppPasswordRefused(
            "other_account", _("That app password belongs to another account, not to {who}.").format(who=who)
        )
    return session


def _refusal(fault: XrpcError, account: Identity) -> AppPasswordRefused:
    kind, who = fault.kind, named(account.handle)
    if kind is ErrorKind.WRONG_PASSWORD and rests(account.did, account.pds_url):
        kind = ErrorKind.ACCOUNT_TAKENDOWN
    match kind:
        case ErrorKind.WRONG_PASSWORD:
            return AppPasswordRefused("wrong_password", _(WRONG).format(who=who))
        case ErrorKind.BAD_REQUEST if fault.error == "InvalidRequest" and not fault.message:
            # All that cocoon says about a wrong password; a malformed request would come with a message.
            return AppPasswordRefused("wrong_password", _(WRONG).format(who=who))
        case ErrorKind.RATE_LIMITED:
            return AppPasswordRefused("rate_limited", _("Too many tries. Bluesky asks you to wait a few minutes."))
        case ErrorKind.ACCOUNT_DEACTIVATED | ErrorKind.ACCOUNT_TAKENDOWN:
            return AppPasswordRefused(
                "account_deactivated",
                _("The account {who} is not active now. Add the app password when it is.").format(who=who),
            )
        case _:
            return AppPasswordRefused(
                "server",
                _("The server of {who} refused, or its answer made no sense. Try again later.").format(who=who),
            )


def _store(member: Member, account: Identity, session: AppSession, password: str) -> AppPasswordSession:
    old = session_of(member.pk)
    try:
        row = _replace(member, account, session, password)
    except IntegrityError as fault:
        raise AppPasswordRefused(
            "is_relay", _("That account is this site's relay account; its app password is in the site's settings.")
        ) from fault
    if old is not None:
        end_at_server(old)
    hooks.on_ready.fire(member.pk, account.did)
    return row


def _replace(member: Member | None, account: Identity, session: AppSession, password: str) -> AppPasswordSession:
    with transaction.atomic():
        rows = AppPasswordSession.objects.filter(member=member) if member else None
        rows = rows if rows is not None else AppPasswordSession.objects.filter(member=None)
        row = rows.filter(did=account.did).first()
        rows.exclude(did=account.did).delete()
        row = row or AppPasswordSession(did=account.did, member=member)
        fields = {
            **session_values(row, session, password),
            "handle": account.handle,
            "pds_url": account.pds_url,
            "state": AppPasswordSession.State.ACTIVE,
            "state_reason": "",
        }
        for name, value in fields.items():
            setattr(row, name, value)
        if row._state.adding:
            row.save(force_insert=True)
        else:
            # The next fence: a refresh of the old session that is under way must not store its tokens over these.
            next_fence = {"lease_fence": F("lease_fence") + 1, "lease_owner": "", "lease_until": None}
            AppPasswordSession.objects.filter(pk=row.pk).update(**fields, **next_fence, attempt_started_at=None)
    return row


def _names(row: AppPasswordSession, identifier: str) -> bool:
    """Whether the identifier in the settings is the stored relay account's: its DID, or its handle of then."""
    return identifier.removeprefix("@").lower() in {row.did.lower(), row.handle.lower()}


def _is_configured(row: AppPasswordSession, identifier: str, password: str) -> bool:
    """Whether the stored relay session is of the account and password in the settings."""
    if not _names(row, identifier):
        return False
    try:
        known = unsealed(row, "app_password_enc")
    except CannotUnseal:
        return False
    return known is not None and known.reveal() == password
