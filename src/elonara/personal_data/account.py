"""The part of an export that is about a member's account: sign-in, Bluesky, notices, and what was done with power."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Q
from django.utils.translation import gettext as _

from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.housekeeping.answer_digest.models import AnswerDigest
from elonara.invitations.opt_out_models import Report
from elonara.members import audit
from elonara.members.models import AuditEntry, Member, Notice

_ACCOUNT = (
    "username", "display_name", "bio", "timezone", "theme", "standing", "email", "date_joined", "last_login",
)  # fmt: skip
_IDENTITY = (
    "bsky_did", "bsky_handle", "display_name", "avatar_url", "pds_url", "state", "bsky_scope", "connected_at",
    "session_ends_at",
)  # fmt: skip


def sections(member: Member) -> dict[str, Any]:
    """The sections by name."""
    return {
        "account": _account(member),
        "bluesky": _bluesky(member),
        "notices": list(
            Notice.objects.filter(member=member).order_by("created_at").values("text", "created_at", "dismissed_at")
        ),
        "reports_made": [
            {"text": row.text, "at": row.created_at, "handled": row.handled_at is not None}
            for row in Report.objects.filter(Q(reporter=member) | Q(reporter=None, reporter_did__in=_dids(member)))
        ],
        "audit_log": _audit_log(member),
    }


def _dids(member: Member) -> list[str]:
    return list(MemberIdentity.objects.filter(member=member).values_list("bsky_did", flat=True))


def _account(member: Member) -> dict[str, Any]:
    digest = AnswerDigest.objects.filter(member=member).values("stopped", "told_until").first()
    return {
        **{name: getattr(member, name) for name in _ACCOUNT},
        "digest_of_answers": digest,
        "operator": member.is_superuser,
        "has_password": member.has_usable_password(),
        "addresses": list(EmailAddress.objects.filter(user=member).values("email", "verified", "primary")),
        "second_factors": list(Authenticator.objects.filter(user=member).values("type", "created_at", "last_used_at")),
        "sessions": list(
            UserSession.objects.filter(user=member).values("ip", "user_agent", "created_at", "last_seen_at")
        ),
    }


def _bluesky(member: Member) -> dict[str, Any]:
    identity = MemberIdentity.objects.filter(member=member).values(*_IDENTITY).first()
    app_password = AppPasswordSession.objects.filter(member=member).values("did", "created_at").first()
    graph = StoredGraph.objects.filter(member=member).first()
    # Whom she knows is read from Bluesky, where she has it; here it is other people's names.
    known = {"followers": graph.followers, "follows": graph.follows} if graph is not None else None
    return {"identity": identity, "app_password": app_password, "people_read_from_bluesky": known}


def _audit_log(member: Member) -> list[dict[str, Any]]:
    """What she did, and what was done with her account: without the notes of operators, and without their names."""
    mine = audit.named(member)
    rows = AuditEntry.objects.filter(Q(by=member) | Q(subject=mine)).order_by("at")
    return [
        {
            "at": row.at,
            "by": _("you") if row.by_id == member.pk else _("an operator"),
            "what": _(audit.WORDS.get(row.what, row.what)),
            # Of another member whose account she, as an operator, changed: the name is his.
            "subject": row.subject if row.subject == mine or not row.subject.startswith("member ") else _("a member"),
        }
        for row in rows
    ]
