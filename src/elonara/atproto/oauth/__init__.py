"""The OAuth client of the AT Protocol profile: discovery, PAR, PKCE, DPoP, token exchange, refresh and revocation.

`OAuthClient` in `client.py` is the entry point; each module beside it implements one RFC or one message. Storage,
members and pages are unknown here: `elonara.bluesky.oauth` stores authorization requests and sessions, and links them
to members.
"""
