"""Delivery: from a queued row to a post that stands, or to a reason why it does not; and taking posts back.

`delivery` takes an account's lane, `queue` says which row is next, `prechecks` whether it still may go, `attempts`
writes it and stores the outcome. Nobody else changes the state of a row that a worker may hold.
"""
