"""Events: hosts, times, calendar files, link cards, and notices to guests about changes.

Writes are in `actions`, reads in `queries`; RSVPs and the guest list are in `guests`. Nothing here imports invitations:
those read events and register listeners in `hooks`.
"""
