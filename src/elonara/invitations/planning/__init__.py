"""What Send would do and then does: who is invited, with which texts, from which account, and the rows for it.

The preview and the send use the same plan, so that what was shown is what is written. The network is asked here
before any transaction begins; nothing here writes to Bluesky.
"""
