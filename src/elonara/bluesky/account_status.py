"""What became of an account whose server refuses it: did it move, is it deactivated or taken down, or is it gone?

A server that refuses an account does not say why in a way that could be relied on. An account that moved is
"deactivated" at its old home, or unknown there; telling its owner to activate it again would break the account. An app
password of an account that was taken down is simply "wrong" at Bluesky's own PDS. So nobody here draws a conclusion
from the words of a refusal alone: the DID document is read anew (it alone says where an account lives), and then that
server is asked for the state of the account, which needs no permission.

Specs: https://atproto.com/specs/account and the lexicon com.atproto.sync.getRepoStatus
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final
from urllib.parse import urlsplit

from elonara.atproto.errors import AtprotoError, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.bluesky import network

STATUS_DEADLINE_SECONDS: Final = 5.0
OPERATOR_LABELS: Final = 3

log = logging.getLogger(__name__)


class AccountStatus(StrEnum):
    """What the DID document and the PDS say about an account."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    TAKENDOWN = "takendown"
    MOVED = "moved"  # its DID document names another PDS
    GONE = "gone"  # there is no such DID, or its own PDS has no such account
    UNTOLD = "untold"  # its PDS does not say
    UNREACHABLE = "unreachable"  # the directory or the PDS could not be asked now


# The reason code of what a post waits for while its account is in this state: it goes on by itself afterwards.
WAITS_AS: Mapping[AccountStatus, str] = {
    AccountStatus.DEACTIVATED: "account_deactivated",
    AccountStatus.TAKENDOWN: "account_takendown",
}
# Refusals that may be about the account. What became of it is looked up before anybody acts on them.
ABOUT_THE_ACCOUNT: Final = frozenset({
    ErrorKind.ACCOUNT_DEACTIVATED, ErrorKind.ACCOUNT_TAKENDOWN, ErrorKind.ACCOUNT_NOT_FOUND, ErrorKind.TOKEN_INVALID,
    ErrorKind.TOKEN_EXPIRED, ErrorKind.WRONG_PASSWORD,
})  # fmt: skip

_BY_STATUS: Mapping[str, AccountStatus] = {
    "takendown": AccountStatus.TAKENDOWN,
    "takedown": AccountStatus.TAKENDOWN,  # rsky
    "suspended": AccountStatus.TAKENDOWN,
    "deactivated": AccountStatus.DEACTIVATED,
    "deleted": AccountStatus.GONE,
}
_BY_KIND: Mapping[ErrorKind, AccountStatus] = {
    ErrorKind.ACCOUNT_DEACTIVATED: AccountStatus.DEACTIVATED,
    ErrorKind.ACCOUNT_TAKENDOWN: AccountStatus.TAKENDOWN,
    ErrorKind.ACCOUNT_NOT_FOUND: AccountStatus.GONE,
}


@dataclass(frozen=True)
class Whereabouts:
    """The state of an account, and the PDS in its DID document (`""` where that could not be read)."""

    status: AccountStatus
    pds_url: str

    @property
    def waits_as(self) -> str:
        """The reason code of what waits for this state to end, `""` for any other state."""
        return WAITS_AS.get(self.status, "")


def look_up(did: str, pds_url: str) -> Whereabouts:
    """Where an account lives now and in which state, for a session at `pds_url`. Never answered from a cache."""
    try:
        home = network.resolver().resolve_did(did, fresh=True).pds_url
    except IdentityError as fault:
        log.info("%s could not be resolved again: %s", did, fault)
        gone = fault.reason == "did_not_found"
        return Whereabouts(AccountStatus.GONE if gone else AccountStatus.UNREACHABLE, "")
    except AtprotoError as fault:
        log.info("%s could not be resolved again: %s", did, fault)
        return Whereabouts(AccountStatus.UNREACHABLE, "")
    if not home:
        return Whereabouts(AccountStatus.UNTOLD, "")
    if not same_server(home, pds_url):
        return Whereabouts(AccountStatus.MOVED, home)
    return Whereabouts(status_at(did, home), home)


def status_at(did: str, pds_url: str) -> AccountStatus:
    """What the PDS of an account says about its state (com.atproto.sync.getRepoStatus). Not `MOVED`."""
    try:
        response = network.xrpc().query(
            pds_url, "com.atproto.sync.getRepoStatus", {"did": did}, deadline=STATUS_DEADLINE_SECONDS
        )
    except XrpcError as fault:
        log.info("%s does not say how %s is: %s", pds_url, did, fault)
        passing = fault.kind in {ErrorKind.SERVER_ERROR, ErrorKind.RATE_LIMITED}
        return AccountStatus.UNREACHABLE if passing else _BY_KIND.get(fault.kind, AccountStatus.UNTOLD)
    except NetworkError as fault:
        log.info("%s could not be asked how %s is: %s", pds_url, did, fault)
        return AccountStatus.UNREACHABLE
    if response.get("did") != did:
        return AccountStatus.UNTOLD  # cocoon calls an account that it does not have active, and names none
    return of_session(active=response.get("active"), status=response.get("status"))


def rests(did: str, pds_url: str) -> bool:
    """Whether the account is deactivated or taken down there, so that a refused password need not be a wrong one."""
    return status_at(did, pds_url) in WAITS_AS


def of_session(*, active: object, status: object) -> AccountStatus:
    """The state that the fields `active` and `status` of a session or a repository mean. Both are optional."""
    if active is not False:
        return AccountStatus.ACTIVE if active is True else AccountStatus.UNTOLD
    return _BY_STATUS.get(status, AccountStatus.DEACTIVATED) if isinstance(status, str) else AccountStatus.DEACTIVATED


def same_server(one: str, other: str) -> bool:
    """Whether two URLs of a PDS are of one server."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def of_one_operator(one: str, other: str) -> bool:
    """Whether the hosts of two URLs lie in one domain of at least three labels, as in `host.bsky.network`.

    Fewer labels would be a domain in which anybody can have a name. Unlike the authorization server that a PDS names,
    its own host cannot be made up.
    """
    names = [(urlsplit(url).hostname or "").lower().split(".") for url in (one, other)]
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(*map(reversed, names), strict=False))
    return sum(1 for _ in shared) >= OPERATOR_LABELS


def lives_elsewhere(did: str, pds_url: str) -> bool:
    """Whether the DID document, as it was read within the last minutes, names another PDS. False where unknown.

    An old home that was not deactivated goes on taking posts, which nobody will ever see.
    """
    try:
        home = network.resolver().resolve_did(did).pds_url
    except AtprotoError:
        return False
    return bool(home) and not same_server(home, pds_url)


def issuer_of(pds_url: str) -> str:
    """The authorization server of a PDS, `""` where it has none or does not say. Raises NetworkError."""
    try:
        return network.discovery().of_pds(pds_url, fresh=True).issuer
    except NetworkError:
        raise
    except AtprotoError as fault:
        log.info("%s names no authorization server: %s", pds_url, fault)
        return ""
