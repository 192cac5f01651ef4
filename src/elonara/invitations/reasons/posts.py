"""The reasons why a post waits, or will not go."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from elonara.invitations.reasons.table import Reason

ALL = (
    # Why a post waits.
    Reason(
        "day_cap",
        gettext_noop("Waits for another day, so that your account does not look like a spammer's."),
        gettext_noop("It will go out automatically."),
    ),
    Reason(
        "relay_cap",
        gettext_noop("The site's own account has reached its limit for today."),
        gettext_noop("It will go out automatically."),
    ),
    Reason(
        "app_password_missing",
        gettext_noop("Waits for an app password."),
        gettext_noop("Add one in your settings; it then continues automatically. Or post the text yourself."),
        "app_password",
    ),
    Reason(
        "app_password_refused",
        gettext_noop("Bluesky refused the stored app password."),
        gettext_noop("Add a new one in your settings; it then continues automatically. Or post the text yourself."),
        "app_password",
    ),
    Reason(
        "app_password_moved",
        gettext_noop("Your account has moved to another server."),
        gettext_noop(
            "Add an app password from the new server in your settings; it then continues automatically. "
            "Or post the text yourself."
        ),
        "app_password",
    ),
    Reason(
        "no_app_passwords",
        gettext_noop("Your server does not support app passwords."),
        gettext_noop(
            "Let this site post without one in your settings; it then continues automatically. "
            "Or post the text yourself."
        ),
        "consent",
    ),
    Reason(
        "moved",
        gettext_noop("Your account has moved to another server."),
        gettext_noop("Reauthorize in your settings; it then continues automatically. Or post the text yourself."),
        "reauthorize",
    ),
    Reason(
        "needs_reauth",
        gettext_noop("Bluesky asks you to sign in again before it accepts posts."),
        gettext_noop("Reauthorize in your settings; it then continues automatically."),
        "reauthorize",
    ),
    Reason(
        "scope_missing",
        gettext_noop("You have not given the permission to post."),
        gettext_noop("Reauthorize and leave posting ticked; it then continues automatically."),
        "reauthorize",
    ),
    Reason(
        "not_connected",
        gettext_noop("No Bluesky account is connected."),
        gettext_noop("Connect one in your settings."),
        "connect",
    ),
    Reason(
        "account_deactivated",
        gettext_noop("Your Bluesky account is deactivated."),
        gettext_noop("It continues automatically when the account is active."),
        "wait",
    ),
    Reason(
        "account_takendown",
        gettext_noop("Bluesky has taken your account down."),
        gettext_noop("Ask Bluesky. The invitations wait, and continue automatically if that is lifted."),
        "wait",
    ),
    Reason(
        "relay_not_approved",
        gettext_noop("The operator has not yet approved you for the site's own account."),
        gettext_noop("Add an app password to post from your own account, or ask the operator."),
        "app_password",
    ),
    Reason(
        "author_changed",
        gettext_noop("These posts would now come from another account."),
        gettext_noop("Check them again and confirm."),
        "confirm",
    ),
    Reason(
        "changed",
        gettext_noop("The text has changed since you saw it."),
        gettext_noop("Check the new post and confirm."),
        "confirm",
    ),
    Reason(
        "session_ended",
        gettext_noop("Your Bluesky permission has ended, so blocks and mutes cannot be checked."),
        gettext_noop("Reauthorize Bluesky, then send."),
        "reauthorize",
    ),
    Reason(
        "text_shortened",
        gettext_noop("Your server allows less text than Bluesky, so this post is shorter now."),
        gettext_noop("Check the new post and confirm."),
        "confirm",
    ),
    Reason(
        "announcement_gone",
        gettext_noop("The announcement is no longer on Bluesky, and nobody would see a reply to it."),
        gettext_noop("Confirm, and it goes out as a post of its own."),
        "confirm",
    ),
    Reason(
        "preview_changed",
        gettext_noop("This has changed since you saw it."),
        gettext_noop("Check it again, then send it."),
        "confirm",
    ),
    Reason(
        "unsure",
        gettext_noop("Bluesky did not answer, and no such post is on the profile now."),
        gettext_noop("If you deleted it yourself, leave it. If not, send it again."),
        "confirm",
    ),
    Reason(
        "rate_limited",
        gettext_noop("Bluesky asked this account to pause."),
        gettext_noop("It will go out automatically."),
        "wait",
    ),
    Reason(
        "trying_again",
        gettext_noop("Bluesky did not accept it at the last try."),
        gettext_noop("We will try again automatically."),
        "wait",
    ),
    Reason(
        "asking",
        gettext_noop("Bluesky did not answer; we are checking whether the post is there."),
        gettext_noop("It continues automatically."),
        "wait",
    ),
    Reason(
        "unforeseen",
        gettext_noop("Something unexpected went wrong on this site."),
        gettext_noop("We will try again automatically. The operator finds it in the log."),
        "wait",
    ),
    Reason(
        "graph_unavailable",
        gettext_noop("Blocks and mutes could not be checked."),
        gettext_noop("We will try again automatically."),
        "wait",
    ),
    Reason(
        "announcement_waits",
        gettext_noop("Waits for the announcement post."),
        gettext_noop("It will go out automatically."),
        "wait",
    ),
    Reason(
        "spam_label",
        gettext_noop("Bluesky has labelled the posting account as spam. Sending is paused to protect it."),
        gettext_noop("Appeal in the Bluesky app (Settings, Moderation). Sending can go on when the label is gone."),
        "wait",
    ),
    Reason(
        "opt_outs",
        gettext_noop("Many people asked not to be invited. Sending is paused."),
        gettext_noop("Talk to the operator of this site."),
    ),
    Reason(
        "operator",
        gettext_noop("The operator has paused your sending."),
        gettext_noop("Talk to the operator of this site."),
    ),
    # Why a post will not go.
    Reason("event_cancelled", gettext_noop("The event is cancelled."), ""),
    Reason("event_over", gettext_noop("The event is over."), ""),
    Reason("closed", gettext_noop("The community is closed."), ""),
    Reason(
        "hidden",
        gettext_noop("It has been hidden by the operator of this site."),
        gettext_noop("Talk to the operator of this site."),
    ),
    Reason(
        "made_private",
        gettext_noop("It has become private since."),
        gettext_noop("Check the new post and confirm."),
        "confirm",
    ),
    Reason(
        "not_host",
        gettext_noop("The sender may no longer invite to it."),
        gettext_noop("Someone who runs it can invite this person."),
    ),
    Reason(
        "suspended",
        gettext_noop("The sender's account is suspended."),
        gettext_noop("Talk to the operator of this site."),
    ),
    Reason(
        "host_disconnected",
        gettext_noop("Bluesky was disconnected."),
        gettext_noop("Connect it again, then send it again."),
        "connect",
    ),
    Reason("by_host", gettext_noop("You cancelled it."), gettext_noop("It can be sent again."), "retry"),
    Reason(
        "gave_up",
        gettext_noop("Bluesky did not accept it in eight tries."),
        gettext_noop("Send it again later."),
        "retry",
    ),
    Reason(
        "record_refused",
        gettext_noop("Bluesky refused the post."),
        gettext_noop("Send it again, or copy the link."),
        "retry",
    ),
    Reason(
        "text_too_long",
        gettext_noop("Your server does not accept a text of this length, and refused the shortened one as well."),
        gettext_noop("Post the text yourself, or copy the link."),
        "copy_link",
    ),
    Reason(
        "announcement_failed",
        gettext_noop("The announcement could not be posted."),
        gettext_noop("Send it again: both are tried."),
        "retry",
    ),
    Reason(
        "loopback_site",
        gettext_noop("This site has no public address yet: your friends would get a link to 127.0.0.1."),
        gettext_noop("Set site.url to a public https address first. Picking and previewing work already."),
    ),
)
