"""Who may change a post that exists, and locking its row before it is changed."""

from __future__ import annotations

from typing import cast

from django.utils.translation import gettext as _

from elonara.invitations.models import Announcement, Invitation
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member


def require_own(invitation: Invitation, by: Member) -> None:
    """Raises InvitationRefused unless `by` is the invitation's own host.

    A post in her name is sent at her request alone: other hosts may have changed the text since she saw it.
    """
    if by.pk != invitation.host_id:
        name = invitation.host.name
        raise InvitationRefused(
            "not_allowed",
            _(
                "This one goes out in the name of {name}, so only {name} can send it. You can cancel it and invite the "
                "person yourself."
            ).format(name=name),
        )


def require_may_stop(post: Deliverable, by: Member) -> None:
    """Raises InvitationRefused unless `by` may cancel or undo the post: its host, or who may invite to the target."""
    if by.pk != post.host_id and not target_of(post).may_invite(by):
        raise InvitationRefused("not_allowed")


def locked[M: Deliverable](post: M) -> M:
    """The post read again and locked; inside a transaction. Raises InvitationRefused where it was deleted."""
    related = ["host", "event", "community"]
    related += ["announcement"] if not isinstance(post, Announcement) else []
    related += ["batch"] if isinstance(post, Invitation) else []
    rows = type(post)._default_manager.select_for_update(of=("self",)).select_related(*related)
    row = rows.filter(pk=post.pk).first()
    if row is None:
        raise InvitationRefused("wrong_state")
    return cast("M", row)
