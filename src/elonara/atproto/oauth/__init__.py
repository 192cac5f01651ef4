"""The OAuth client of the AT Protocol profile: discovery, PAR, DPoP, token exchange, refresh and revocation.

`client.OAuthClient` walks a person to their authorization server and back; `session.DpopAuth` then signs each
XRPC request. Nothing here knows a database: nonces come through the `stores.NonceStore` port.
"""
