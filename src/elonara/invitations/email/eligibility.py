"""Which addresses may be written to, and whether this site can send e-mail invitations at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from elonara.bluesky.identity.identities import identity_row
from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.consent import recipient_caps
from elonara.invitations.consent.accounts import opt_outs_about
from elonara.invitations.consent.opt_outs import code_of
from elonara.invitations.email.addresses import Address, hash_of, parse
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member
from elonara.members.queries import has_verified_email

REQUEUEABLE_STATES = (EmailState.FAILED, EmailState.SUPPRESSED, EmailState.CANCELLED)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DECLINED = "cant"  # the answer after which a person is not asked again


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


def opted_out(hashes: Mapping[str, str], host: Member) -> dict[str, str]:
    """Which addresses opted out of this host's or of all invitations: hash → code of the reason.

    `hashes`: of the address as it is written → without its `+tag` ("": not known). An opt-out matches by either.
    """
    every = {*hashes, *hashes.values()} - {""}
    mailbox = Q(address_hash__in=every) | Q(folded_hash__in=every)
    codes: dict[str, str] = {}  # by every hash that an opt-out is known by
    for row in EmailOptOut.objects.filter(opt_outs_about(host), mailbox):
        code = code_of(row.account_id, row.host_id)
        for one in {row.address_hash, row.folded_hash} - {""}:
            codes[one] = max(code, codes.get(one, ""))  # "opted_out_site" before "opted_out_host"
    found = {one: max(codes.get(one, ""), codes.get(folded, "")) for one, folded in hashes.items()}
    return {one: code for one, code in found.items() if code}


def split_addresses(host: Member, event: Event, text: str) -> tuple[list[Address], list[SkippedAddress]]:
    """The addresses in `text` that may be invited, and those that are skipped. Raises InvitationRefused.

    Asked for the preview, and again under the locks of `caps` when the rows are written.
    """
    found, invalid = parse(text)
    limit = settings.ELONARA.invitations.per_send
    if not found and not invalid:
        raise InvitationRefused("no_addresses", field_name="addresses")
    if len(found) > limit:
        sentence = f"You wrote {len(found)} addresses; one send takes {limit}."
        raise InvitationRefused("too_many", sentence, field_name="addresses")
    hashes = [address.hash for address in found]
    opt_outs = opted_out({one.hash: one.folded_hash for one in found}, host)
    full = recipient_caps.address_caps(hashes)
    known = {row.address_hash: row for row in EmailInvitation.objects.filter(event=event, address_hash__in=hashes)}
    own = hash_of(host.email) if host.email else ""
    allowed: list[Address] = []
    skipped = [SkippedAddress(item, "bad_address") for item in invalid]
    for address in found:
        code = (
            ("yourself" if address.hash == own else "")
            or opt_outs.get(address.hash, "")
            or _already(known.get(address.hash))
            or ("person_cap" if address.hash in full else "")
        )
        if code:
            skipped.append(SkippedAddress(address.address, code))
        else:
            allowed.append(address)
    return allowed, skipped


def _already(row: EmailInvitation | None) -> str:
    """Why an earlier invitation of the same address to the same event forbids another one, or ""."""
    if row is None:
        return ""
    if row.answer:
        return "declined" if row.answer == DECLINED else "already_answered"
    return "" if row.state in REQUEUEABLE_STATES else "already_invited"
