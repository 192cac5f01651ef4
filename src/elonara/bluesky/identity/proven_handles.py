"""Whom a name means that somebody types to give a member a right: a handle proved anew, or else a username."""

from __future__ import annotations

from django.utils.translation import gettext as _

from elonara.atproto.errors import IdentityError
from elonara.atproto.syntax import is_handle, normalize_handle
from elonara.bluesky import network
from elonara.bluesky.identity import handles
from elonara.bluesky.identity.identities import by_did
from elonara.bluesky.models import MemberIdentity
from elonara.members.errors import Invalid
from elonara.members.models import Member
from elonara.members.queries import by_username
from elonara.members.text import one_line

ABSENT = frozenset({"bad_handle", "handle_not_found"})  # nobody on the network has the handle


def named_member(name: str, *, field: str = "username") -> Member:
    """The active member of a handle, `@` before it or not, or of a username. Raises Invalid with one sentence.

    A handle is looked up again, since it may belong to another account by now: call this outside of a transaction.
    What is the handle of an account somewhere is never taken for a username here.
    """
    typed = one_line(name)
    handle = normalize_handle(typed.lstrip("@").strip())
    found = _member_of_handle(handle, field) if is_handle(handle) else None
    if found is None and typed and not typed.startswith("@"):
        found = by_username(typed)
    if found is None:
        raise Invalid({field: _nobody(typed)})
    return found


def _member_of_handle(handle: str, field: str) -> Member | None:
    """The member who has the handle now, None where no account has it and none here had it. Raises Invalid."""
    stored = MemberIdentity.objects.filter(bsky_handle__iexact=handle)
    try:
        identity = network.resolver().resolve(handle, fresh=True)
    except IdentityError as fault:
        if fault.reason not in ABSENT:
            sentence = _("Bluesky does not say whose handle @{handle} is. Try again later, or enter their username.")
            raise Invalid({field: sentence.format(handle=handle[:60])}) from fault
        if stored.exists():  # it was theirs, and the name could mean somebody else by now
            raise Invalid(
                {field: _("The handle @{handle} does not work at the moment.").format(handle=handle[:60])}
            ) from fault
        return None
    handles.store(identity.did, handle)
    row = by_did(identity.did)
    if row is None or not row.member.is_active:
        raise Invalid({field: _nobody(f"@{handle}")})
    return row.member


def _nobody(name: str) -> str:
    return _("No member of this site is called “{name}”. Ask them for their username.").format(name=name[:60])
