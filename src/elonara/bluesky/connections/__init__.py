"""Connecting a Bluesky account to a member: `BlueskyOAuthService`, and which DID belongs to whom.

This is where a finished sign-in becomes a stored session, and where Disconnect ends everything that hangs on it. It
is the only place that links, replaces or frees a DID.
"""
