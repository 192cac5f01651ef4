"""Inviting people by e-mail who are not on Bluesky: `inviting` writes, `views` shows, `delivery` sends.

The same caps and the same right to opt out hold as for posts (`eligibility`). The link in an e-mail is a secret, unlike
the one in a post: `tokens` seals it and the address in the row, and nothing else reads them.
"""
