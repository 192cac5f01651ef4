"""Pages for the operator: the admin site, the jobs page, `/metrics`.

No sealed value is ever shown, and invitations can only be read. Whatever an operator changes goes through an action
that checks the permission.
"""
