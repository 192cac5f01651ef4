"""Inviting people: posts are stored as rows with their final text first, and workers deliver them afterwards.

Pages and API call `actions` and `queries`. The folders follow the life of a post: planning, consent, outbox, responses,
and email for invitations that are no posts. Posts are written through the port `BlueskyAgent` alone; how it talks to a
PDS is not known here.
"""
