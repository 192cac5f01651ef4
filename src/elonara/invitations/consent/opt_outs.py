"""Who has said "never again": to one host, or to the whole site. Only the person who said so can take it back.

A "no" to a host is one to her account, so it holds when she comes back as another member (`accounts`). A "no" of a
member holds whether she said it to a post or by the link in an e-mail to an address that she has verified.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent import accounts
from elonara.invitations.email_addresses import folded_hash_of, hash_of
from elonara.invitations.opt_out_models import EmailOptOut, OptOut
from elonara.members.models import Member

# For each opt-out of one person that concerns a host: the account, None for the whole site, and the host.
_OPT_OUTS = CompiledQuery(
    lambda did, host: OptOut.objects.filter(accounts.opt_outs_about(host), did=did).values_list("account", "host")
)
_ADDRESSES = CompiledQuery(
    lambda did: EmailAddress.objects.filter(user__bluesky__bsky_did=did, verified=True).values_list("email", flat=True)
)

OWNER: Final = "user__bluesky__bsky_did"  # of an address

type Hashes = dict[str, str]  # of addresses of one person: as it is written → without its `+tag`


def opted_out(host: Member, dids: Collection[str]) -> dict[str, str]:
    """Those of `dids` who want no invitations from this host or from the site: DID → code of the reason."""
    found = addresses_opted_out_of(host, addresses_of(dids))
    for row in OptOut.objects.filter(accounts.opt_outs_about(host), did__in=list(dids)):
        # "opted_out_site" before "opted_out_host"
        found[row.did] = max(found.get(row.did, ""), code_of(row.account_id, row.host_id))
    return found


def opted_out_code(host: Member, did: str, addresses: Hashes) -> str:
    """The same for one person, as a worker asks before every write; "" for nobody who opted out.

    `addresses`: those of `addresses_of_one`.
    """
    codes = {code_of(*row) for row in _OPT_OUTS.all(did=did, host=host.pk)}
    if addresses:
        codes |= set(addresses_opted_out(addresses, host).values())
    return max(codes, default="")


def addresses_opted_out(hashes: Mapping[str, str], host: Member) -> dict[str, str]:
    """Which addresses opted out of this host's or of all invitations: hash → code of the reason.

    `hashes`: of the address as it is written → without its `+tag` ("": not known). An opt-out matches by either.
    """
    every = {*hashes, *hashes.values()} - {""}
    mailbox = Q(address_hash__in=every) | Q(folded_hash__in=every)
    codes: dict[str, str] = {}  # by every hash that an opt-out is known by
    for row in EmailOptOut.objects.filter(accounts.opt_outs_about(host), mailbox):
        code = code_of(row.account_id, row.host_id)
        for one in {row.address_hash, row.folded_hash} - {""}:
            codes[one] = max(code, codes.get(one, ""))
    found = {one: max(codes.get(one, ""), codes.get(folded, "")) for one, folded in hashes.items()}
    return {one: code for one, code in found.items() if code}


def addresses_opted_out_of(host: Member, people: Mapping[str, Hashes]) -> dict[str, str]:
    """Those people (with their addresses) of whom one address has opted out: DID → code of the reason."""
    every = {one: folded for each in people.values() for one, folded in each.items()}
    outs = addresses_opted_out(every, host) if every else {}
    codes = {did: max((outs.get(one, "") for one in each), default="") for did, each in people.items()}
    return {did: code for did, code in codes.items() if code}


def addresses_of(dids: Iterable[str]) -> dict[str, Hashes]:
    """The addresses that the members with these DIDs have verified: only of those who have one."""
    found: dict[str, Hashes] = {}
    for did, address in verified(list(dids)).values_list(OWNER, "email"):
        found.setdefault(did, {}).update(hashes([address]))
    return found


def addresses_of_one(did: str) -> Hashes:
    """The same for one person, as a compiled query."""
    return hashes(_ADDRESSES.all(did=did))


def verified(dids: Any) -> QuerySet[Any, Any]:
    """The rows of the addresses that the members with these DIDs (`OWNER`) have verified."""
    rows: QuerySet[Any, Any] = EmailAddress.objects.filter(**{f"{OWNER}__in": dids}, verified=True)
    return rows


def hashes(addresses: Iterable[str]) -> Hashes:
    """The hashes of addresses of one person."""
    return {hash_of(address): folded_hash_of(address) for address in addresses}


def code_of(account_id: int | None, host_id: int | None) -> str:
    """The code of the reason that one stored opt-out gives."""
    return "opted_out_site" if account_id is None and host_id is None else "opted_out_host"
