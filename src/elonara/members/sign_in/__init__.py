"""Where Django and django-allauth ask us while somebody signs up or signs in: adapters and the password backend.

Who may sign in and how often a password may be tried is answered here; second factors are kept sealed. Sign-in with
Bluesky is not here: `elonara.bluesky.connections` proves the account, and `web/members/accounts.py` begins the session.
"""
