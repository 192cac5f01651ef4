"""The two job kinds of invitations (`elonara.jobs`), and waking them when a row is due."""

from __future__ import annotations

from uuid import UUID

from elonara import jobs

POSTS = "deliver"  # the key is the author's DID: the lane of one account
EMAILS = "email"  # the key is the id of an EmailInvitation


def wake_lane(author_did: str) -> None:
    """Poll the lane of this account once the open transaction has committed."""
    jobs.wake(POSTS, author_did)


def wake_email(invitation_id: UUID) -> None:
    """Poll this e-mail invitation once the open transaction has committed."""
    jobs.wake(EMAILS, str(invitation_id))
