"""What pages and API call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from elonara.members import audit
from elonara.members.models import Member
from elonara.personal_data import deletion, export, guest_answers
from elonara.personal_data.deletion import AccountEnd

__all__ = [
    "AccountEnd",
    "delete_account",
    "delete_answers",
    "export_for_did",
    "export_for_email_invitation",
    "export_of",
    "what_ends",
]

what_ends = deletion.plan
delete_account = deletion.delete
delete_answers = guest_answers.delete


def export_of(member: Member) -> dict[str, Any]:
    """Everything that is kept about a member, who has shown just before who she is. It stands in the audit log."""
    audit.record(member, "data_exported", member)
    return export.export(export.member(member))


def export_for_did(did: str) -> dict[str, Any]:
    """What is kept about somebody without an account here who has proved this DID."""
    return export.export(export.DataSubject(dids=(did,)))


def export_for_email_invitation(pk: UUID) -> dict[str, Any]:
    """What is kept about the reader of an e-mail invitation, as far as it belongs to this invitation (its id)."""
    return export.export(export.DataSubject(email_invitation=pk))
