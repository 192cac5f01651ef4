"""Inviting people: posts are fixed as rows first, and workers deliver them afterwards.

`actions` and `queries` are the doors for pages and API; the folders are the stories behind them, in the order in
which a post lives: planning, consent, outbox, responses, and e-mail beside the posts. How a post is written to
Bluesky is not known here, only the port `BlueskyAgent`.
"""
