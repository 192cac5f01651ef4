"""Settings, addresses, middleware, logging and the WSGI entry point.

`options.py` alone reads the environment and `elonara.toml`; everybody else is given typed options
(`elonara.options`). Rules about events, members or invitations do not belong here.
"""
