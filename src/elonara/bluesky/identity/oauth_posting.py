"""Members whose server knows no app passwords, and who let this site post by their OAuth session instead.

Some servers sign every session as one of the whole account, app password or not (docs/servers.md). This site keeps no
such session, so in legacy mode these members could post nothing. The one exception to "no write uses an OAuth token in
legacy mode" is theirs, once they have consented (docs/decisions/0011-posts-by-oauth-with-consent.md). It is bound to
the server: it ends where the account moves, and when the server takes an app password for what it is.
"""

from __future__ import annotations

import logging
from typing import Final

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.bluesky import hooks
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import MemberIdentity
from elonara.compiled_queries import CompiledQuery
from elonara.members.models import Member
from elonara.members.queries import may_sign_in

NO_APP_PASSWORDS: Final = "no_app_passwords"  # the reason code of a post that waits for this consent

log = logging.getLogger(__name__)

_CONSENTED = CompiledQuery(
    lambda member: (
        MemberIdentity.objects.filter(member=member, posts_by_oauth_since__isnull=False, full_access_pds=F("pds_url"))
        .exclude(full_access_pds="")
        .values_list("pk")
    )
)


class ConsentRefused(Exception):
    """The consent was not stored; `sentence` says why and what to do. Reasons: not_connected, other_account,
    suspended, app_passwords_work.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sentence = sentence


def has_consented(member_id: int) -> bool:
    """Whether this member's posts go by her OAuth session even in legacy mode. Read before each request: she may
    withdraw at any moment.
    """
    return _CONSENTED.exists(member=member_id)


def knows_no_app_passwords(identity: MemberIdentity) -> bool:
    """Whether the account's present server opened the whole account for an app password."""
    return bool(identity.full_access_pds) and identity.full_access_pds == identity.pds_url


def consent_stands(identity: MemberIdentity) -> bool:
    """`has_consented` for a row that is at hand."""
    return identity.posts_by_oauth_since is not None and knows_no_app_passwords(identity)


def note_full_access(identity: MemberIdentity, pds_url: str) -> None:
    """The server at `pds_url` opened the whole account for an app password. An earlier server's consent ends."""
    rows = MemberIdentity.objects.filter(pk=identity.pk)
    rows.exclude(full_access_pds=pds_url).update(full_access_pds=pds_url, posts_by_oauth_since=None)


def note_app_password(identity: MemberIdentity) -> None:
    """The server took an app password for what it is: nothing has to go by OAuth any more."""
    rows = MemberIdentity.objects.filter(pk=identity.pk)
    rows.exclude(full_access_pds="").update(full_access_pds="", posts_by_oauth_since=None)


def consent(by: Member, did: str) -> MemberIdentity:
    """Let this site post for the member `by` with her OAuth session. `did` is the account that her page showed.

    Doing it twice changes nothing. Where the session lacks the permission to post, her posts wait until she
    reauthorizes. Raises ConsentRefused.
    """
    identity = identity_row(by.pk)
    if identity is None:
        raise ConsentRefused("not_connected", _("Connect your Bluesky account first."))
    if not may_sign_in(by):
        raise ConsentRefused("suspended", _("Your account on this site is suspended."))
    if identity.bsky_did != did:
        raise ConsentRefused(
            "other_account",
            _("You are now connected with a different Bluesky account than the page showed. Reload it."),
        )
    rows = MemberIdentity.objects.filter(pk=identity.pk, full_access_pds=F("pds_url")).exclude(full_access_pds="")
    if not rows.exists():
        raise ConsentRefused(
            "app_passwords_work", _("Add an app password: this is for servers that do not support them.")
        )
    if rows.filter(posts_by_oauth_since=None).update(posts_by_oauth_since=timezone.now()):
        log.info(
            "member %s lets this site post by OAuth: %s does not support app passwords", by.pk, identity.full_access_pds
        )
    identity.refresh_from_db()
    hooks.on_ready.fire(by.pk, identity.bsky_did)
    return identity


def withdraw(by: Member) -> bool:
    """Take the consent of the member `by` back: from now on nothing is written with her OAuth session in legacy mode.

    False where there was none.
    """
    rows = MemberIdentity.objects.filter(member=by).exclude(posts_by_oauth_since=None)
    withdrawn = rows.update(posts_by_oauth_since=None) > 0
    if withdrawn:
        log.info("member %s lets this site post by OAuth no more", by.pk)
    return withdrawn
