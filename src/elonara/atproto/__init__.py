"""The AT Protocol, spoken by a client: syntax, identities, guarded HTTP, XRPC, records, app passwords and OAuth.

Nothing here depends on Elonara: no Django, no settings, no database. State that outlives a request goes through
Protocols (`oauth/stores.py`) that `elonara.bluesky` implements.
"""
