"""The acting person: a member, a proven DID, or both where the DID is the member's own."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from elonara.bluesky.models import MemberIdentity
from elonara.compiled_queries import CompiledQuery
from elonara.members.errors import NotAllowed
from elonara.members.models import Member

_OF_MEMBER = CompiledQuery(lambda who: MemberIdentity.objects.filter(member=who))


@dataclass(frozen=True)
class Principal:
    """A person. At least one of `member` and `did` is set."""

    member: Member | None
    did: str = ""
    handle: str = ""
    name: str = ""

    @property
    def rows(self) -> Q:
        """The condition for this person's rows, in a table with `member` and `did`."""
        mine = Q(member=self.member) if self.member else Q(pk__in=())
        return mine | Q(did=self.did) if self.did else mine


def principal_of(member: Member | None = None, did: str = "", handle: str = "", name: str = "") -> Principal:
    """The person behind a member or a proven DID. A DID takes precedence: it belongs to the member who linked it.

    Where no member has linked the DID, the person has no account here, even if `member` is given. Raises NotAllowed for
    a suspended account, ValueError when neither is given.
    """
    if did:
        identity = MemberIdentity.objects.select_related("member").filter(bsky_did=did).first()
        found = identity.member if identity else None
        person = Principal(found, did, handle or (identity.bsky_handle if identity else ""), name[:640])
    elif member is not None:
        identity = _OF_MEMBER.first(who=member.pk)
        person = Principal(member, identity.bsky_did if identity else "", identity.bsky_handle if identity else "", "")
    else:
        raise ValueError("who needs a member or a proven DID")
    if person.member and (not person.member.is_active or person.member.standing == Member.Standing.SUSPENDED):
        raise NotAllowed(
            _("This account is suspended. Write to the operator of the site if you think it is a mistake."), "suspended"
        )
    return person


def did_of(member: Member) -> str:
    """The DID that the member has linked, or ""."""
    return MemberIdentity.objects.filter(member=member).values_list("bsky_did", flat=True).first() or ""


def rows_of(member: Member | None, proven_dids: tuple[str, ...] | list[str] | set[str] | frozenset[str] = ()) -> Q:
    """The condition for a viewer's rows, in a table with `member` and `did`; matches nothing for a stranger."""
    mine = Q(pk__in=())
    if member is not None:
        mine |= Q(member=member)
    if proven_dids:
        mine |= Q(did__in=[did for did in proven_dids if did])
    return mine
