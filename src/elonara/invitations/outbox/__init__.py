"""Delivery: from a queued row to a post on Bluesky, or to a reason why there is none; and undoing posts.

`delivery` takes an account's lane, `queue` says which row is next, `prechecks` whether it still may go, `attempts`
writes it and stores the outcome. Nobody else changes the state of a row that a worker may hold.
"""
