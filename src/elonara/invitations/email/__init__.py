"""Inviting people by e-mail who are not on Bluesky: addresses, the invitation itself, its delivery.

The same caps and the same right to say no hold as for posts. The link in an e-mail is a secret, unlike the one in a
post, so tokens and addresses are sealed here and nowhere shown whole.
"""
