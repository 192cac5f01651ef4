"""The ways to the right people: which lists a host can pick from, and who is on a page of one.

Read from the stored graph and from our own rows, never from the network. Whether somebody may be invited is not decided
here but in `consent`, and asked again before a post is written.
"""
