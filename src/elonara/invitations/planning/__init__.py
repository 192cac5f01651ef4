"""The host's draft, and what pressing Send would do and then does: who, which texts, which account, and the rows of it.

The preview and the send use the same plan, so that what was shown is what is written. The network is asked here
before any transaction begins; nothing here writes to Bluesky.
"""
