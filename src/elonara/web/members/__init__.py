"""A member's own pages: the profile, the Bluesky status card, signing in, the first operator.

Passwords, second factors and sessions are django-allauth's pages with our templates. Other people's data is never
shown here.
"""
