"""Connecting a Bluesky account to a member: `BlueskyOAuthService`, and which DID belongs to whom.

`linking` turns a finished authorization into a stored session and ends it on Disconnect, by the `account_rules`;
`revocation` ends sessions at their servers. Nothing outside this folder links, replaces or frees a DID.
"""
