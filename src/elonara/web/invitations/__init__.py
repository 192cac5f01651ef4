"""Pages of inviting and of being invited: pick, check, watch; `/i/{ref}`, `/rsvp/{token}`, the inbox, opt-outs.

What an invitee chooses before proving their DID is kept as a pending action and applied after the proof. Consent rules
and the states of posts are not decided here.
"""
