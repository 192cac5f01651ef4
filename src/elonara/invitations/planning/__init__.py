"""Drafts, and what Send would do and then does: who is invited, which texts, from which account, the rows of it.

The preview and the send use the same plan, so that what was shown is what is written. The network is asked here
before any transaction begins; nothing here writes to Bluesky.
"""
