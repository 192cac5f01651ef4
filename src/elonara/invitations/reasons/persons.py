"""The reasons why a person may not be invited."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from elonara.invitations.reasons.table import Reason

ALL = (
    Reason("yourself", gettext_noop("This is your own account."), gettext_noop("You are already part of it.")),
    Reason("cohost", gettext_noop("This person runs it with you."), gettext_noop("You do not need to do anything.")),
    Reason(
        "blocked_by",
        gettext_noop("This account blocks you on Bluesky."),
        gettext_noop("Bluesky would not show them the post."),
    ),
    Reason(
        "blocking",
        gettext_noop("You block this account on Bluesky."),
        gettext_noop("Unblock them on Bluesky first, then pick them again."),
    ),
    Reason(
        "muted",
        gettext_noop("You mute this account on Bluesky."),
        gettext_noop("Copy the link to send it another way, or unmute them."),
        "copy_link",
    ),
    Reason(
        "opted_out_host",
        gettext_noop("This person asked not to be invited by you."),
        gettext_noop("Only they can change that."),
    ),
    Reason(
        "opted_out_site",
        gettext_noop("This person asked not to be invited from this site."),
        gettext_noop("Only they can change that."),
    ),
    Reason(
        "already_invited",
        gettext_noop("Already invited."),
        gettext_noop("Their row under Invite, Sent shows its state."),
    ),
    Reason("already_answered", gettext_noop("Has already answered."), gettext_noop("You do not need to do anything.")),
    Reason("already_member", gettext_noop("Is already a member."), gettext_noop("You do not need to do anything.")),
    Reason(
        "declined",
        gettext_noop("Has declined, and is not asked again."),
        gettext_noop("Copy the link to send it yourself."),
        "copy_link",
    ),
    Reason(
        "undone_once",
        gettext_noop("You have undone this invitation."),
        gettext_noop("It can be sent once more: confirm it under Invite, Sent."),
        "confirm",
    ),
    Reason(
        "undone_for_good",
        gettext_noop("This invitation was undone twice."),
        gettext_noop("Copy the link to send it yourself."),
        "copy_link",
    ),
    Reason(
        "still_undoing",
        gettext_noop("The earlier post is still being taken back."),
        gettext_noop("Try again in a few minutes."),
        "wait",
    ),
    Reason(
        "gone_deactivated",
        gettext_noop("This Bluesky account is deactivated."),
        gettext_noop("Copy the link to send it another way."),
        "copy_link",
    ),
    Reason(
        "gone_takendown",
        gettext_noop("Bluesky has taken this account down."),
        gettext_noop("Copy the link to send it another way."),
        "copy_link",
    ),
    Reason(
        "gone_deleted",
        gettext_noop("This Bluesky account no longer exists."),
        gettext_noop("Copy the link to send it another way."),
        "copy_link",
    ),
    Reason(
        "handle_invalid",
        gettext_noop("The handle of this account does not work at the moment."),
        gettext_noop("Bluesky could not link a mention. Try again when their handle works."),
        "wait",
    ),
    Reason(
        "view_unknown",
        gettext_noop("Blocks and mutes cannot be checked right now."),
        gettext_noop("Reauthorize Bluesky, then this person can be invited."),
        "reauthorize",
    ),
    Reason(
        "stranger",
        gettext_noop("Neither of you follows the other."),
        gettext_noop("Copy the link and send it to them yourself."),
        "copy_link",
    ),
    Reason(
        "not_found",
        gettext_noop("Bluesky has no such account."),
        gettext_noop("Check the handle, or copy the link."),
        "copy_link",
    ),
    Reason(
        "person_cap",
        gettext_noop("Has already had as many invitations from this site this week as one person may get."),
        gettext_noop("Try later."),
        "wait",
    ),
    Reason(
        "relay_audience",
        gettext_noop("This person does not accept invitations from the site's own account."),
        gettext_noop("Copy the link, or add an app password to invite from your own account."),
        "app_password",
    ),
)
