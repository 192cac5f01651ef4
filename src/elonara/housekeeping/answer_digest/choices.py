"""Whether a host wants the digest: chosen on her pages, and ended by the link in each e-mail without signing in."""

from __future__ import annotations

from typing import Final

from django.core.signing import BadSignature, Signer
from django.db import transaction

from elonara.housekeeping.answer_digest.models import AnswerDigest
from elonara.housekeeping.models import OutgoingEmail
from elonara.members.models import Member

MAX_TOKEN_LENGTH: Final = 100
_SIGNER: Final = "elonara.answer_digest"  # the salt: a signature that was made for something else is none here


def wants(member: Member) -> bool:
    """Whether she wants to be told of answers by e-mail."""
    return not AnswerDigest.objects.filter(member=member, stopped=True).exists()


def choose(member: Member, *, wanted: bool) -> None:
    """Switch the digest on or off. One that still waits in the queue of e-mails is not sent then."""
    with transaction.atomic():
        row, _ = AnswerDigest.objects.update_or_create(member=member, defaults={"stopped": not wanted})
        if not wanted and row.email is not None:
            OutgoingEmail.objects.filter(pk=row.email).delete()


def token_of(member: Member) -> str:
    """The token of the link that ends her digest. It stays the same, so the link in an old e-mail works."""
    return Signer(salt=_SIGNER).sign(str(member.pk))


def by_token(token: str) -> Member | None:
    """Whose digest this token ends; None where nobody's."""
    if len(token) > MAX_TOKEN_LENGTH:
        return None
    try:
        key = Signer(salt=_SIGNER).unsign(token)
    except BadSignature:
        return None
    return Member.objects.filter(pk=key).first()
