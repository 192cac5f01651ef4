"""Who may be invited, and how many on which day: suppression, opt-outs, caps, breakers and pauses.

It is asked when an invitation is queued and again just before it is written. Its answers are reasons
(`invitations.reasons`); it changes no post's state and writes nothing to Bluesky.
"""
