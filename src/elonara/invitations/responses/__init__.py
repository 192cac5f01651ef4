"""What people do with invitations that exist: invitees answer, opt out or report; hosts retry, confirm, cancel, undo.

`progress` shows the host how it goes. RSVPs and memberships belong to events and communities; the state of a post
changes only by the transitions in `states`.
"""
