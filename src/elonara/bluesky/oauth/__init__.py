"""OAuth sessions and what they need: authorization requests, tokens and their refresh, keys, nonces and scopes.

The protocol itself is in `elonara.atproto.oauth`; here it meets our rows, our leases and our words for what went
wrong. Which member may own which DID is decided in `connections`, and posts are written in `writing`.
"""
