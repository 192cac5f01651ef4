"""The two kinds of job of this package (`elonara.jobs`), and how work is announced to them."""

from __future__ import annotations

from uuid import UUID

from elonara import jobs

POSTS = "deliver"  # the key is the author's DID: one lane of posts
EMAILS = "email"  # the key is the id of an EmailInvitation


def wake_lane(author_did: str) -> None:
    """Have the posts of this account looked at once the open transaction has committed."""
    jobs.wake(POSTS, author_did)


def wake_email(invitation_id: UUID) -> None:
    """Have this e-mail invitation looked at once the open transaction has committed."""
    jobs.wake(EMAILS, str(invitation_id))
