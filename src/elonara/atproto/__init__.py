"""The AT Protocol, spoken by a client: syntax, identities, guarded HTTP, XRPC, records, app passwords and OAuth.

Everything here could be used by another program: there is no Django, no settings and no database in it. What has to
be remembered between two requests goes through ports (`oauth/stores.py`) that `elonara.bluesky` implements.
"""
