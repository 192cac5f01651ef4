"""The people who have an account: registration, standing, profile, notices, and the first operator.

Sign-in itself is django-allauth's; `adapter` is where it asks us. Bluesky, events and invitations are unknown here.
"""
