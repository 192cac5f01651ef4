"""Communities: making and changing them, belonging to them, their roles; slugs and pictures, which events share.

Writes are in `actions` and `memberships`, reads in `queries`. Events and invitations are unknown here; what they want
to hear about goes through `hooks`.
"""
