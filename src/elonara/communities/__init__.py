"""Communities, their memberships and roles; slugs and pictures, which events use too.

Writes are in `actions` and `memberships`, reads in `queries`. Events and invitations are unknown here; they register
listeners with `hooks`.
"""
