"""What people do with invitations that exist: invitees answer, opt out or report; hosts retry, confirm, cancel, undo.

`progress` is how the host reads it. Answers themselves are kept by events and communities; posts are changed only by
the table of states.
"""
