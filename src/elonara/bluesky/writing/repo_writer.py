"""What both backends share: one call to the PDS, its result, and a line in the log. The agents choose the call."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.atproto.errors import AddressRefused, AtprotoError, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky import account_status, network
from elonara.bluesky.oauth import client_refusals
from elonara.bluesky.rate_budgets import AnonymousAuthorizer, BudgetedAuthorizer
from elonara.bluesky.reasons import sentence
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.writing.agent import POSTS, Backend, BlueskyResult, PostRecord

log = logging.getLogger("elonara.bluesky.writes")

TEXT_TOO_LONG: Final = "text_too_long"
# What each kind of failure means to delivery.
BY_KIND: Mapping[ErrorKind, BlueskyResult] = {
    ErrorKind.RATE_LIMITED: BlueskyResult(success=False, reason="rate_limited", retryable=True),
    ErrorKind.SCOPE_MISSING: BlueskyResult(success=False, reason="scope_missing", needs_reauth=True),
    # Refused in spite of a refresh. A grant that was revoked cannot be refreshed, so this one was not.
    ErrorKind.TOKEN_EXPIRED: BlueskyResult(success=False, reason="token_refused", retryable=True),
    ErrorKind.TOKEN_INVALID: BlueskyResult(success=False, reason="token_refused", retryable=True),
    # A fault of this site: reauthorizing would change nothing, so the member is never asked to.
    ErrorKind.WRONG_SCHEME_OR_HOST: BlueskyResult(success=False, reason="wrong_scheme_or_host"),
    ErrorKind.INVALID_DPOP_PROOF: BlueskyResult(success=False, reason="clock", retryable=True),
    ErrorKind.USE_DPOP_NONCE: BlueskyResult(success=False, reason="server", retryable=True),
    ErrorKind.RECORD_EXISTS_OR_SERVER: BlueskyResult(success=False, reason="server", retryable=True, ambiguous=True),
    ErrorKind.SERVER_ERROR: BlueskyResult(success=False, reason="server", retryable=True, ambiguous=True),
    ErrorKind.MALFORMED_RESPONSE: BlueskyResult(success=False, reason="server", retryable=True, ambiguous=True),
    ErrorKind.RECORD_NOT_FOUND: BlueskyResult(success=False, reason="record_not_found", absent=True),
    ErrorKind.BLOB_NOT_FOUND: BlueskyResult(success=False, reason="blob_not_found", retryable=True),
    ErrorKind.ACCOUNT_DEACTIVATED: BlueskyResult(success=False, reason="account_deactivated", retryable=True),
    ErrorKind.ACCOUNT_TAKENDOWN: BlueskyResult(success=False, reason="account_takendown", retryable=True),
    ErrorKind.ACCOUNT_NOT_FOUND: BlueskyResult(success=False, reason="account_gone"),
    ErrorKind.TEXT_TOO_LONG: BlueskyResult(success=False, reason=TEXT_TOO_LONG),
}
# What our columns hold. The response comes from a server of the member's choice and may contain anything.
CID = re.compile(r"[A-Za-z0-9+/=_-]{1,100}")
REFUSED = BlueskyResult(success=False, reason="record_refused")
_HIDDEN_AS = frozenset({ErrorKind.RECORD_NOT_FOUND, ErrorKind.ACCOUNT_NOT_FOUND, ErrorKind.BAD_REQUEST})


@dataclass(frozen=True)
class Credential:
    """An account, the URL of its PDS, and what authorizes writing to it.

    `reconsider` turns the PDS's refusal of the account into what it means, which is looked up where the account is;
    `leave_if_moved` raises SessionEnded or TryLater where the account lives elsewhere by now.
    """

    did: str
    handle: str
    pds_url: str
    backend: Backend
    auth: Authorizer = field(repr=False)
    reconsider: Callable[[XrpcError], Exception] = field(repr=False)
    leave_if_moved: Callable[[], None] = field(repr=False)


type RepoCall = Callable[[Credential], dict[str, Any]]


class NoCredential(Exception):
    """This backend cannot write for that account. `needs_reauth`: the member can help."""

    def __init__(self, reason: str, *, needs_reauth: bool = False, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.needs_reauth = needs_reauth
        self.retryable = retryable


def deletion(rkey: str) -> RepoCall:
    """The call that deletes a post (com.atproto.repo.deleteRecord); deleting an absent one succeeds, too."""

    def delete(credential: Credential) -> dict[str, Any]:
        body = {"repo": credential.did, "collection": POSTS, "rkey": rkey}
        return network.xrpc().procedure(credential.pds_url, "com.atproto.repo.deleteRecord", body, auth=credential.auth)

    return delete


def upload(data: bytes, mime: str) -> RepoCall:
    """The call that stores a picture for a post (com.atproto.repo.uploadBlob)."""

    def put(credential: Credential) -> dict[str, Any]:
        return network.xrpc().procedure(
            credential.pds_url, "com.atproto.repo.uploadBlob", content=data, content_type=mime, auth=credential.auth
        )

    return put


def write(
    action: str,
    call: RepoCall,
    find_credential: Callable[[], Credential],
    *,
    member_id: int,
    author_did: str | None,
    backend: Backend = "",
) -> BlueskyResult:
    """Find the credential and make the call once. One line in the log for each attempt, which names the `action`.

    `author_did` is the account that must write, None where any of the member's may. `backend` is logged where no
    credential is found.
    """
    began, did, server = time.perf_counter(), author_did or "?", ""
    try:
        found = _of_author(find_credential(), author_did)
        did, backend, server = found.did, found.backend, urlsplit(found.pds_url).hostname or ""
        found.leave_if_moved()
        response = _call(call, replace(found, auth=BudgetedAuthorizer(found.auth, found.did, found.pds_url)))
    except (AtprotoError, SessionEnded, TryLater, NoCredential) as fault:
        if isinstance(fault, XrpcError) and fault.kind is ErrorKind.INVALID_DPOP_PROOF:
            client_refusals.suspect()
        result = failure(fault, server)
    else:
        result = BlueskyResult(
            success=True, response_payload=response, uri=_text(response, "uri"), cid=_text(response, "cid")
        )
    _log(action, member_id, did, backend, result=result, began=began)
    return result


def _call(call: RepoCall, credential: Credential) -> dict[str, Any]:
    try:
        return call(credential)
    except XrpcError as fault:
        meant = credential.reconsider(fault)
        if meant is fault:
            raise
        raise meant from fault


def _of_author(found: Credential, author_did: str | None) -> Credential:
    # The settings may name another relay account by now; what the former one attempted must not be written by this one.
    if author_did is not None and found.did != author_did:
        raise NoCredential("other_author")
    return found


def create_input(did: str, rkey: str, record: PostRecord) -> dict[str, Any]:
    """The input of createRecord: always with the DID (a handle may change) and a key (so that it can be read again)."""
    defaults = {"$type": POSTS, "createdAt": timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {"repo": did, "collection": POSTS, "rkey": rkey, "record": defaults | dict(record)}


def checked_record(response: dict[str, Any], did: str, rkey: str) -> dict[str, Any]:
    """The response to a create or a read, if it names the expected record. Raises XrpcError `malformed_answer`."""
    cid = response.get("cid")
    if response.get("uri") != f"at://{did}/{POSTS}/{rkey}" or not isinstance(cid, str) or not CID.fullmatch(cid):
        raise XrpcError(200, "MalformedAnswer", "the response names another record", kind=ErrorKind.MALFORMED_RESPONSE)
    return response


def find(member_id: int, author_did: str, rkey: str) -> BlueskyResult:
    """Read the post at this key from the author's own PDS. Records are public, so no credential is used.

    The PDS is the one that the DID document names now. A repository that moved took its posts along, and what stayed
    behind at its old home is no post any more.
    """

    def read() -> dict[str, Any]:
        pds_url = network.resolver().resolve_did(author_did, fresh=True).pds_url
        params = {"repo": author_did, "collection": POSTS, "rkey": rkey}
        auth = AnonymousAuthorizer(author_did, pds_url)
        try:
            response = network.xrpc().query(pds_url, "com.atproto.repo.getRecord", params, auth=auth)
        except XrpcError as fault:
            if fault.kind not in _HIDDEN_AS:
                raise
            # Of an account that rests or was taken down a PDS shows nothing, and later everything again.
            status = account_status.status_at(author_did, pds_url)
            if status in account_status.WAITS_AS:
                raise TryLater(account_status.WAITS_AS[status]) from fault
            if status is account_status.AccountStatus.UNREACHABLE:
                raise TryLater("unreachable") from fault
            raise
        return checked_record(response, author_did, rkey)

    began = time.perf_counter()
    try:
        response = read()
    except (AtprotoError, TryLater) as fault:
        # A read changes nothing, so it may simply be repeated.
        result = replace(failure(fault), ambiguous=False)
    else:
        result = BlueskyResult(success=True, response_payload=response, uri=response["uri"], cid=response["cid"])
    _log("find", member_id, author_did, "", result=result, began=began)
    return result


def is_gone(member_id: int, author_did: str, rkey: str) -> bool:
    """Whether the post at this key does not exist, by the word of a server where the account is active.

    For an account that it has deactivated or taken down a PDS does not read its own repository, and its answer is that
    of somebody who knows no such record (com.atproto.repo.getRecord; com.atproto.sync.getRepoStatus tells them apart).
    """
    if not find(member_id, author_did, rkey).absent:
        return False
    try:
        pds_url = network.resolver().resolve_did(author_did).pds_url
        auth = AnonymousAuthorizer(author_did, pds_url)
        status = network.xrpc().query(pds_url, "com.atproto.sync.getRepoStatus", {"did": author_did}, auth=auth)
    except AtprotoError as fault:
        log.info("whether %s is active could not be read: %s", author_did, fault)
        return False
    return status.get("active") is True


def failure(fault: Exception, server: str = "") -> BlueskyResult:
    """The result of a failed attempt at a `server`: may it be retried, must the member help, may it have been done."""
    match fault:
        case SessionEnded():
            result = BlueskyResult(success=False, reason=fault.reason, needs_reauth=True)
        case TryLater():
            result = BlueskyResult(success=False, reason=fault.reason, retryable=True, retry_after=fault.retry_after)
        case NoCredential():
            result = BlueskyResult(
                success=False, reason=fault.reason, needs_reauth=fault.needs_reauth, retryable=fault.retryable
            )
        case XrpcError():
            result = replace(
                BY_KIND.get(fault.kind, REFUSED),
                retry_after=fault.retry_after,
                resets_at=fault.resets_at,
                response_payload={"status": fault.status, "error": fault.error, "message": fault.message},
            )
        case AddressRefused():
            result = BlueskyResult(success=False, reason="address_refused")
        case NetworkError():
            reason = "no_answer" if fault.ambiguous else "unreachable"
            result = BlueskyResult(success=False, reason=reason, retryable=True, ambiguous=fault.ambiguous)
        case IdentityError(reason="did_not_found"):
            result = BlueskyResult(success=False, reason="account_gone")
        case _:
            result = BlueskyResult(success=False, reason="unreachable", retryable=True)
    return replace(result, error_message=_error_message(result, server))


def _error_message(result: BlueskyResult, server: str) -> str:
    server_message = (result.response_payload or {}).get("message")
    if result.reason == TEXT_TOO_LONG and server:
        text = _("{server} does not accept a text of this length. It said: {message}")
    elif result.reason == TEXT_TOO_LONG:
        text = _("Your server does not accept a text of this length. It said: {message}")
    elif result.reason == "record_refused" and server_message:
        text = _("Your server refused the post. It said: {message}")
    else:
        return sentence(result.reason)
    return text.format(server=server, message=server_message)


def _log(action: str, member_id: int, did: str, backend: str, *, result: BlueskyResult, began: float) -> None:
    payload = result.response_payload or {}
    log.log(
        logging.INFO if result.success or result.absent else logging.WARNING,
        "%s for member %s as %s by %s: %s in %d ms%s",
        action,
        member_id,
        did,
        backend or "no credential",
        result.uri or "done" if result.success else result.reason,
        (time.perf_counter() - began) * 1000,
        "" if result.success else f" ({payload.get('status', '')} {payload.get('error', '')})".replace("( )", ""),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
