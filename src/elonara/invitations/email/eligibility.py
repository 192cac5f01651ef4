"""Which addresses may be written to, and whether this site can send e-mail invitations at all."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import ngettext

from elonara.bluesky.identity.identities import identity_row
from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.consent import one_person, recipient_caps
from elonara.invitations.consent.opt_outs import addresses_opted_out
from elonara.invitations.email import tokens
from elonara.invitations.email_addresses import Address, hash_of, parse
from elonara.invitations.models import EmailInvitation
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member
from elonara.members.queries import has_verified_email

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class SkippedAddress:
    """An address that gets no e-mail, with the code of the reason."""

    text: str
    reason: str

    @property
    def why(self) -> reasons.Reason:
        """The reason in words."""
        return reasons.reason(self.reason)


def unavailable() -> reasons.Reason | None:
    """Why this site cannot send e-mail invitations; None where it can."""
    if not settings.ELONARA.email.url:
        return reasons.reason("no_email")
    # A site at a loopback address writes links that work on this machine only. They may go to a mail server on the
    # same machine, such as the mail catcher of a developer, and to no other.
    if settings.ELONARA.site.is_loopback and (urlsplit(settings.ELONARA.email.url).hostname or "") not in LOOPBACK:
        return reasons.reason("loopback_site")
    return None


def unproven(host: Member) -> reasons.Reason | None:
    """Why this host may not write to strangers: nothing says who she is. None where a DID or an address is proved."""
    proven = identity_row(host.pk) is not None or has_verified_email(host)
    return None if proven else reasons.reason("email_unproven")


def split_addresses(host: Member, event: Event, text: str) -> tuple[list[Address], list[SkippedAddress]]:
    """The addresses in `text` that may be invited, and those that are skipped. Raises InvitationRefused.

    Asked for the preview, and again under the locks of `caps` when the rows are written.
    """
    found, invalid = parse(text)
    limit = settings.ELONARA.invitations.per_send
    if not found and not invalid:
        raise InvitationRefused("no_addresses", field_name="addresses")
    if len(found) > limit:
        count = len(found)
        sentence = ngettext(
            "You wrote {count} address; the most in one send is {limit}.",
            "You wrote {count} addresses; the most in one send is {limit}.",
            count,
        ).format(count=count, limit=limit)
        raise InvitationRefused("too_many", sentence, field_name="addresses")
    hashes = [address.hash for address in found]
    opt_outs = addresses_opted_out({one.hash: one.folded_hash for one in found}, host)
    owners = one_person.owners([address.address for address in found])
    members = one_person.why_not_members(host, event, set(owners.values()))
    full = recipient_caps.address_caps(hashes)
    known = {row.address_hash: row for row in EmailInvitation.objects.filter(event=event, address_hash__in=hashes)}
    own = hash_of(host.email) if host.email else ""
    allowed: list[Address] = []
    skipped = [SkippedAddress(item, "bad_address") for item in invalid]
    in_this_send: set[Member] = set()
    for address in found:
        owner = owners.get(address.hash)
        code = (
            ("yourself" if address.hash == own else "")
            or opt_outs.get(address.hash, "")
            or one_person.already_by_email(known.get(address.hash))
            or (members.get(owner.pk, "") if owner is not None else "")
            or ("already_invited" if owner in in_this_send else "")
            or ("person_cap" if address.hash in full else "")
        )
        if code:
            skipped.append(SkippedAddress(address.address, code))
        else:
            allowed.append(address)
            in_this_send |= {owner} if owner is not None else set()
    return allowed, skipped


def why_not_member(row: EmailInvitation) -> str:
    """The reason why the member behind an address must get no e-mail now, or "". Raises CannotUnseal."""
    owner = tokens.owner_of(row)
    return one_person.why_not_members(row.host, row.event, [owner], seen_alone=True).get(owner.pk, "") if owner else ""
