"""Pages for the operator: the admin site, the jobs page, `/metrics`.

Sealed columns are never shown, and invitations are read-only. Every change by an operator goes through an action that
checks the permission.
"""
