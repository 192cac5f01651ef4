"""The OAuth client of the AT Protocol profile: discovery, PAR, PKCE, DPoP, token exchange, refresh and revocation.

`client.py` is the door; the modules beside it hold one RFC or one message each. Storage, members and pages are not
known here: `elonara.bluesky.oauth` stores what a flow needs and decides whose account it is.
"""
