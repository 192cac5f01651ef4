"""Pages of inviting and of being invited: pick, check, watch; `/i/{ref}`, `/rsvp/{token}`, the inbox, opt-outs.

What an invitee pressed before proving who they are is kept as a pending action and done after the proof. No rule of
consent and no state of a post is decided here.
"""
