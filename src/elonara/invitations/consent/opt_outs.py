"""Who has said "never again": to one host, or to the whole site. Only the person who said so can take it back."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from elonara.compiled_queries import CompiledQuery
from elonara.invitations.models import OptOut
from elonara.members.models import Member

# The hosts from whom one person wants no invitations, and None for the whole site.
_REFUSED_HOSTS = CompiledQuery(
    lambda did, host: OptOut.objects.filter(Q(host=host) | Q(host=None), did=did).values_list("host", flat=True)
)


def opted_out(host: Member, dids: Iterable[str]) -> dict[str, str]:
    """Those of `dids` who want no invitations from this host or from the site: DID → code of the reason."""
    rows = OptOut.objects.filter(Q(host=host) | Q(host=None), did__in=list(dids)).order_by("host_id")
    return {row.did: "opted_out_site" if row.host_id is None else "opted_out_host" for row in rows}


def opted_out_code(host_id: int, did: str) -> str:
    """The same for one person, as a worker asks before every write; "" for nobody who opted out."""
    hosts = _REFUSED_HOSTS.all(did=did, host=host_id)
    if not hosts:
        return ""
    return "opted_out_site" if None in hosts else "opted_out_host"
