"""Django settings, URLs, middleware, logging and the WSGI entry point.

Only `options.py` reads the environment and `elonara.toml`; all other code uses the typed options (`elonara.options`).
Rules about events, members or invitations do not belong here.
"""
