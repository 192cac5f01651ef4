"""The AT Protocol, spoken by a guest: identities, XRPC, posts, app passwords and OAuth. Knows no Django, no settings.

Import the modules themselves; this one stays empty so that importing it costs nothing.
"""
