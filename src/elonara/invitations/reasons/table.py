"""The table of reasons why an invitation is not (or not yet) sent: a stable code, a sentence, what the host can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What a host reads. `way_on` is what she can do about it, "" where nothing can be done."""

    code: str
    sentence: str
    way_on: str = ""
    # reauthorize | app_password | consent | connect | retry | confirm | copy_link | compose | wait | ""
    action: str = ""


ALL = (
    # Who may be invited (consent).
    Reason("yourself", "This is your own account.", "You are already part of it."),
    Reason("cohost", "This person runs it with you.", "You do not need to do anything."),
    Reason("blocked_by", "This account blocks you on Bluesky.", "Bluesky would not show them the post."),
    Reason("blocking", "You block this account on Bluesky.", "Unblock them on Bluesky first, then pick them again."),
    Reason(
        "muted",
        "You mute this account on Bluesky.",
        "Copy the link to send it another way, or unmute them.",
        "copy_link",
    ),
    Reason("opted_out_host", "This person asked not to be invited by you.", "Only they can change that."),
    Reason("opted_out_site", "This person asked not to be invited from this site.", "Only they can change that."),
    Reason("already_invited", "Already invited.", "Their row on the Watch page shows its state."),
    Reason("already_answered", "Has already answered.", "You do not need to do anything."),
    Reason("already_member", "Is already a member.", "You do not need to do anything."),
    Reason("declined", "Has declined, and is not asked again.", "Copy the link to send it yourself.", "copy_link"),
    Reason(
        "undone_once",
        "You have undone this invitation.",
        "It can be sent once more: confirm it on the Watch page.",
        "confirm",
    ),
    Reason("undone_for_good", "This invitation was undone twice.", "Copy the link to send it yourself.", "copy_link"),
    Reason("still_undoing", "The earlier post is still being taken back.", "Try again in a few minutes.", "wait"),
    Reason(
        "gone_deactivated", "This Bluesky account is deactivated.", "Copy the link to send it another way.", "copy_link"
    ),
    Reason(
        "gone_takendown", "Bluesky has taken this account down.", "Copy the link to send it another way.", "copy_link"
    ),
    Reason(
        "gone_deleted", "This Bluesky account no longer exists.", "Copy the link to send it another way.", "copy_link"
    ),
    Reason(
        "handle_invalid",
        "The handle of this account does not work at the moment.",
        "Bluesky could not link a mention. Try again when their handle works.",
        "wait",
    ),
    Reason(
        "view_unknown",
        "Blocks and mutes cannot be checked right now.",
        "Reauthorize Bluesky, then this person can be invited.",
        "reauthorize",
    ),
    Reason(
        "stranger",
        "Neither of you follows the other.",
        "Copy the link and send it to them yourself.",
        "copy_link",
    ),
    Reason("not_found", "Bluesky has no such account.", "Check the handle, or copy the link.", "copy_link"),
    Reason(
        "person_cap",
        "Has already had as many invitations from this site this week as one person may get.",
        "Try later.",
        "wait",
    ),
    Reason(
        "relay_audience",
        "This person does not accept invitations from the site's own account.",
        "Copy the link, or add an app password to invite from your own account.",
        "app_password",
    ),
    # Why a post waits.
    Reason(
        "day_cap",
        "Waits for another day, so that your account does not look like a spammer's.",
        "It will go out automatically.",
    ),
    Reason("relay_cap", "The site's own account has reached its limit for today.", "It will go out automatically."),
    Reason(
        "app_password_missing",
        "Waits for an app password.",
        "Add one on your profile; it then continues automatically. Or post the text yourself.",
        "app_password",
    ),
    Reason(
        "app_password_refused",
        "Bluesky refused the stored app password.",
        "Add a new one on your profile; it then continues automatically. Or post the text yourself.",
        "app_password",
    ),
    Reason(
        "app_password_moved",
        "Your account has moved to another server.",
        "Add an app password from the new server on your profile; it then continues automatically. "
        "Or post the text yourself.",
        "app_password",
    ),
    Reason(
        "no_app_passwords",
        "Your server does not support app passwords.",
        "Let this site post without one on your profile; it then continues automatically. Or post the text yourself.",
        "consent",
    ),
    Reason(
        "moved",
        "Your account has moved to another server.",
        "Reauthorize on your profile; it then continues automatically. Or post the text yourself.",
        "reauthorize",
    ),
    Reason(
        "needs_reauth",
        "Bluesky asks you to sign in again before it accepts posts.",
        "Reauthorize on your profile; it then continues automatically.",
        "reauthorize",
    ),
    Reason(
        "scope_missing",
        "You have not given the permission to post.",
        "Reauthorize and leave posting ticked; it then continues automatically.",
        "reauthorize",
    ),
    Reason("not_connected", "No Bluesky account is connected.", "Connect one on your profile.", "connect"),
    Reason(
        "account_deactivated",
        "Your Bluesky account is deactivated.",
        "It continues automatically when the account is active.",
        "wait",
    ),
    Reason(
        "account_takendown",
        "Bluesky has taken your account down.",
        "Ask Bluesky. The invitations wait, and continue automatically if that is lifted.",
        "wait",
    ),
    Reason(
        "relay_not_approved",
        "The operator has not yet approved you for the site's own account.",
        "Add an app password to post from your own account, or ask the operator.",
        "app_password",
    ),
    Reason(
        "author_changed",
        "These posts would now come from another account.",
        "Check them again and confirm.",
        "confirm",
    ),
    Reason("changed", "The text has changed since you saw it.", "Check the new post and confirm.", "confirm"),
    Reason(
        "session_ended",
        "Your Bluesky permission has ended, so blocks and mutes cannot be checked.",
        "Reauthorize Bluesky, then send.",
        "reauthorize",
    ),
    Reason(
        "text_shortened",
        "Your server allows less text than Bluesky, so this post is shorter now.",
        "Check the new post and confirm.",
        "confirm",
    ),
    Reason(
        "announcement_gone",
        "The announcement is no longer on Bluesky, and nobody would see a reply to it.",
        "Confirm, and it goes out as a post of its own.",
        "confirm",
    ),
    Reason("preview_changed", "This has changed since you saw it.", "Check it again, then send it.", "confirm"),
    Reason(
        "unsure",
        "Bluesky did not answer, and no such post is on the profile now.",
        "If you deleted it yourself, leave it. If not, send it again.",
        "confirm",
    ),
    Reason("rate_limited", "Bluesky asked this account to pause.", "It will go out automatically.", "wait"),
    Reason("trying_again", "Bluesky did not accept it at the last try.", "We will try again automatically.", "wait"),
    Reason(
        "asking",
        "Bluesky did not answer; we are checking whether the post is there.",
        "It continues automatically.",
        "wait",
    ),
    Reason(
        "unforeseen",
        "Something unexpected went wrong on this site.",
        "We will try again automatically. The operator finds it in the log.",
        "wait",
    ),
    Reason("graph_unavailable", "Blocks and mutes could not be checked.", "We will try again automatically.", "wait"),
    Reason("announcement_waits", "Waits for the announcement post.", "It will go out automatically.", "wait"),
    Reason(
        "spam_label",
        "Bluesky has labelled the posting account as spam. Sending is paused to protect it.",
        "Appeal in the Bluesky app (Settings, Moderation). Sending can go on when the label is gone.",
        "wait",
    ),
    Reason("opt_outs", "Many people asked not to be invited. Sending is paused.", "Talk to the operator of this site."),
    Reason("operator", "The operator has paused your sending.", "Talk to the operator of this site."),
    # Why a post will not go.
    Reason("event_cancelled", "The event is cancelled.", ""),
    Reason("event_over", "The event is over.", ""),
    Reason("closed", "The community is closed.", ""),
    Reason("hidden", "It has been hidden by the operator of this site.", "Talk to the operator of this site."),
    Reason("made_private", "It has become private since.", "Check the new post and confirm.", "confirm"),
    Reason("not_host", "The sender may no longer invite to it.", "Someone who runs it can invite this person."),
    Reason("suspended", "The sender's account is suspended.", "Talk to the operator of this site."),
    Reason("host_disconnected", "Bluesky was disconnected.", "Connect it again, then send it again.", "connect"),
    Reason("by_host", "You cancelled it.", "It can be sent again.", "retry"),
    Reason("gave_up", "Bluesky did not accept it in eight tries.", "Send it again later.", "retry"),
    Reason("record_refused", "Bluesky refused the post.", "Send it again, or copy the link.", "retry"),
    Reason(
        "text_too_long",
        "Your server does not accept a text of this length, and refused the shortened one as well.",
        "Post the text yourself, or copy the link.",
        "copy_link",
    ),
    Reason("announcement_failed", "The announcement could not be posted.", "Send it again: both are tried.", "retry"),
    Reason(
        "loopback_site",
        "This site has no public address yet: your friends would get a link to 127.0.0.1.",
        "Set site.url to a public https address first. Picking and previewing work already.",
    ),
    # E-mail invitations.
    Reason("no_email", "This site sends no e-mail.", "Copy the link and send it yourself.", "copy_link"),
    Reason(
        "email_unproven",
        "Before you write to strangers, this site needs to know that you are you.",
        "Connect Bluesky on your profile, or add an e-mail address there and open the link in the message you get.",
        "connect",
    ),
    Reason(
        "site_email_cap",
        "This site has reached its limit of e-mail invitations for today.",
        "It will go out automatically.",
        "wait",
    ),
    Reason("bad_address", "This is not an e-mail address.", "Enter it like ana@example.org."),
    Reason("no_addresses", "No address is entered.", "Enter at least one, such as ana@example.org."),
    Reason(
        "mail_trying", "The mail server did not accept it at the last try.", "We will try again automatically.", "wait"
    ),
    Reason(
        "address_lost", "This site can no longer read the address.", "Enter it again, or copy the link.", "copy_link"
    ),
    Reason(
        "mail_paused",
        "The mail server accepts no e-mail from this site at the moment; its operator has been told.",
        "It goes out automatically as soon as the server accepts e-mail again.",
        "wait",
    ),
    Reason("mail_gave_up", "No mail server accepted it for a day.", "Send it again later.", "retry"),
    Reason(
        "address_refused",
        "The mail server says that it cannot deliver to this address.",
        "Check the spelling and enter it again, or copy the link.",
        "copy_link",
    ),
    # Why a request is refused as a whole.
    Reason("not_allowed", "Only those who run it may invite.", "Ask a host or an admin."),
    Reason("nobody", "Nobody is chosen.", "Pick at least one person."),
    Reason("too_many", "Too many people for one send.", "Send to some of them now and to the others after."),
    Reason("update_under_way", "An earlier update is being posted right now.", "Try again in a few minutes.", "wait"),
    Reason("wrong_state", "That is no longer possible.", "Reload the page to see the current state."),
    Reason("wrong_person", "This invitation is for another account.", "Continue with the invited account."),
    Reason("withdrawn", "This invitation was withdrawn.", "Ask the person who invited you."),
    # Messages to guests.
    Reason(
        "no_address",
        "This person has no e-mail address here, or has not confirmed it.",
        "They see it on the event's page.",
    ),
    Reason("stopped", "This person wants no e-mails about it.", "They see it on the event's page."),
    Reason("undone", "It was changed back before anybody was told."),
    Reason("replaced", "A newer message replaces it."),
    Reason("expired", "It would have come too late."),
    Reason("not_a_guest", "This person has said no, or has withdrawn the answer."),
    Reason(
        "message_cap",
        "The hosts of this event have sent as many messages as they may in one day.",
        "Write again tomorrow.",
    ),
    Reason("nobody_to_write_to", "Nobody has given that answer.", "Choose other guests."),
    Reason("unknown_audience", "Choose going, maybe, waiting or everybody."),
    Reason("no_text", "The message is empty.", "Write something."),
    Reason("unknown_choice", "Choose Going, Maybe or Can't.", ""),
)
