"""Who has said "never again": to one host, or to the whole site. Only the person who said so can take it back.

A "no" to a host is one to her account, so it holds when she comes back as another member (`accounts`).
"""

from __future__ import annotations

from collections.abc import Iterable

from elonara.compiled_queries import CompiledQuery
from elonara.invitations.consent import accounts
from elonara.invitations.opt_out_models import OptOut
from elonara.members.models import Member

# For each wish of one person that concerns a host: the account, None for the whole site, and the host.
_WISHES = CompiledQuery(
    lambda did, host: OptOut.objects.filter(accounts.opt_outs_about(host), did=did).values_list("account", "host")
)


def opted_out(host: Member, dids: Iterable[str]) -> dict[str, str]:
    """Those of `dids` who want no invitations from this host or from the site: DID → code of the reason."""
    found: dict[str, str] = {}
    for row in OptOut.objects.filter(accounts.opt_outs_about(host), did__in=list(dids)):
        if found.get(row.did) != "opted_out_site":
            found[row.did] = code_of(row.account_id, row.host_id)
    return found


def opted_out_code(host_id: int, did: str) -> str:
    """The same for one person, as a worker asks before every write; "" for nobody who opted out."""
    codes = {code_of(*wish) for wish in _WISHES.all(did=did, host=host_id)}
    return max(codes, default="")  # "opted_out_site" before "opted_out_host"


def code_of(account_id: int | None, host_id: int | None) -> str:
    """The code of the reason that one stored wish gives."""
    return "opted_out_site" if account_id is None and host_id is None else "opted_out_host"
