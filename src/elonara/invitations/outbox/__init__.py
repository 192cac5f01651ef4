"""Delivery: from a queued row to a post on Bluesky, or to a reason why there is none; and undoing posts.

`delivery` takes an account's lane, `queue` says which row is next, `prechecks` whether it still may go, `attempts`
writes it, `unknown_outcome` finds out whether a post exists, `outcomes` stores the result, `undo` deletes the post
again. Nobody else changes the state of a row that a worker may hold; every duration is in `timing`.
"""
