"""Who belongs to a community, asks to, or was removed.

`listing` reads, `requests` and `removals` write; all of it is below `actions`, which pages and API call. Joining,
leaving and roles are in `memberships`.
"""
