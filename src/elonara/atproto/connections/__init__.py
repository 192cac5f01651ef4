"""Connections to the network for `atproto.http`: vetted addresses, deadlines, HTTP/1.1, and connections that are kept.

Everything that goes out goes through `pool.GuardedConnections`. Nothing here knows a URL's meaning, OAuth or a record.
"""
