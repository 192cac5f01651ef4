"""The people who have an account: registration, standing, profile, notices, and the first operator.

Sign-in itself is django-allauth's, adapted in `sign_in`. Bluesky, events and invitations are unknown here.
"""
