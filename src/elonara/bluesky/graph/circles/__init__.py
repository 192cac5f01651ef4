"""What a member's graph has beside followers and follows: her lists on Bluesky, and whom she talks with.

Each is read by a job of its own, at its own time (`due_reads`), and stored in the rows of `graph.models`. The people
whom these reads show and who are on neither list of the graph are `strangers`: they can be seen, not invited.
"""
