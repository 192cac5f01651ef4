"""Events: hosts, times, calendar files, link cards, and what guests are told when something changes.

Writes are in `actions`, reads in `queries`; who comes is in `guests`. Invitations are never imported: they look at
events and listen through `hooks`.
"""
