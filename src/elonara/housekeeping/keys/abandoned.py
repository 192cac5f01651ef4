"""What becomes of stored secrets whose key is lost for good, and of posts that waited for a key that is back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from allauth.mfa.models import Authenticator
from django.db import models

from elonara import sealing
from elonara.bluesky import hooks
from elonara.bluesky.app_password import sessions as app_password_sessions
from elonara.bluesky.models import AppPasswordSession, AssertionKey, AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.sealed_columns import unsealed
from elonara.events.messages.models import GuestMessage
from elonara.housekeeping.keys.in_use import sealed_models, second_factors
from elonara.housekeeping.models import OutgoingEmail
from elonara.invitations.models import Announcement, EmailInvitation, EmailState, Invitation, State
from elonara.members import audit

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Losses:
    """How many there are of what is sealed under the abandoned key."""

    sessions: int = 0  # Bluesky sessions: their members reauthorize
    app_passwords: int = 0  # their members make new ones
    second_factors: int = 0  # removed: their members sign in without, and set up new ones
    emails: int = 0  # queued, and lost
    email_invitations: int = 0  # not yet sent: their hosts type the address again
    addresses: int = 0  # of e-mail invitations that were sent: the site does not know any more where to

    def lines(self) -> list[str]:
        """One line for each kind that there are some of."""
        says = {
            "sessions": "Bluesky sessions to end (their members are asked to reauthorize)",
            "app_passwords": "app passwords to forget (their members are asked for new ones)",
            "second_factors": "second factors to remove (their members sign in without, and set up new ones)",
            "emails": "queued e-mails to delete unsent",
            "email_invitations": "invitations by e-mail to fail unsent (their hosts type the addresses again)",
            "addresses": "addresses of people invited by e-mail to forget (they no longer hear of changes)",
        }
        return [f"{says[one.name]}: {getattr(self, one.name)}" for one in fields(self) if getattr(self, one.name)]


def losses(kid: str) -> Losses:
    """What `abandon` would clear away."""
    emails = _under(EmailInvitation, kid)
    return Losses(
        sessions=_sessions(kid).count(),
        app_passwords=_under(AppPasswordSession, kid).exclude(member=None).count(),
        second_factors=len(_second_factors(kid)),
        emails=_under(OutgoingEmail, kid).count(),
        email_invitations=emails.filter(state=EmailState.QUEUED).count(),
        addresses=emails.exclude(state=EmailState.QUEUED).exclude(address_enc="").count(),
    )


def abandon(kid: str) -> Losses:
    """Clear away what is sealed under a key that is lost, and ask the members for what only they can give again.

    Raises ValueError where the ring holds the key: nothing is lost then.
    """
    if kid in sealing.kids():
        raise ValueError(kid)
    lost = losses(kid)
    for identity in _sessions(kid):
        oauth_sessions.end(identity, UNREADABLE)
    _empty(MemberIdentity, kid)  # of sessions that had ended before
    for row in _under(AppPasswordSession, kid):
        app_password_sessions.end_unreadable(row)
    AssertionKey.objects.filter(pk__in=_under(AssertionKey, kid)).delete()
    AuthorizationRequest.objects.filter(pk__in=_under(AuthorizationRequest, kid)).delete()
    Authenticator.objects.filter(pk__in=_second_factors(kid)).delete()
    OutgoingEmail.objects.filter(pk__in=_under(OutgoingEmail, kid)).delete()
    _under(EmailInvitation, kid).filter(state=EmailState.QUEUED).update(
        state=EmailState.FAILED, reason="address_lost", counted_on=None
    )
    _empty(EmailInvitation, kid)
    _empty(GuestMessage, kid)  # the link in an e-mail that has not left: another is made
    audit.record(None, "key_abandoned", f"key {kid}", "; ".join(lost.lines()) or "nothing was sealed under it")
    return lost


def resume_readable() -> int:
    """Let posts go on that wait because a session could not be opened, where it can be now; returns how many hosts."""
    waiting: set[tuple[int, str]] = set()
    for model in (Announcement, Invitation):
        rows = model.objects.filter(state=State.WAITING, reason=UNREADABLE, host__isnull=False)
        waiting |= set(rows.values_list("host_id", "author_did").distinct())
    resumed = [(host, did) for host, did in sorted(waiting) if _opens(host)]
    for host, did in resumed:
        hooks.on_ready.fire(host, did)
    return len(resumed)


def _opens(host_id: int) -> bool:
    """Whether everything that is stored of this host's own sessions can be opened."""
    for row in MemberIdentity.objects.filter(member_id=host_id, state=MemberIdentity.State.ACTIVE):
        if not _all_open(row, ("bsky_refresh_token_enc", "bsky_access_token_enc", "dpop_key_enc")):
            return False
    for session in AppPasswordSession.objects.filter(member_id=host_id, state=AppPasswordSession.State.ACTIVE):
        if not _all_open(session, ("app_password_enc",)):
            return False
    return True


def _all_open(row: MemberIdentity | AppPasswordSession, columns: Iterable[str]) -> bool:
    try:
        for column in columns:
            unsealed(row, column)
    except sealing.CannotUnseal:
        return False
    return True


def _sessions(kid: str) -> models.QuerySet[MemberIdentity]:
    """Active sessions whose tokens, or whose key for signing assertions, are sealed under the key."""
    signed_with = AssertionKey.objects.filter(_matches(AssertionKey, kid)).values("kid")
    of_key = _matches(MemberIdentity, kid) | models.Q(assertion_kid__in=signed_with)
    return MemberIdentity.objects.filter(of_key, state=MemberIdentity.State.ACTIVE)


def _under[Row: models.Model](model: type[Row], kid: str) -> models.QuerySet[Row]:
    return model._default_manager.filter(_matches(model, kid))


def _matches(model: type[models.Model], kid: str) -> models.Q:
    prefix = f"{sealing.VERSION}.{kid}."
    found = models.Q()
    for column in sealed_models()[model]:
        found |= models.Q(**{f"{column}__startswith": prefix})
    return found


def _empty(model: type[models.Model], kid: str) -> None:
    for column in sealed_models()[model]:
        prefix = f"{sealing.VERSION}.{kid}."
        model._default_manager.filter(**{f"{column}__startswith": prefix}).update(**{column: ""})


def _second_factors(kid: str) -> set[int]:
    return {row.pk for row, value in second_factors() if sealing.kid_of(value) == kid}
