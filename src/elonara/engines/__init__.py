"""What runs the registered jobs (see `elonara.jobs`): threads in the server process, or workers on PostgreSQL.

An engine only says "look at this key now" and looks for due work every few seconds; the rows are the truth. What a
job does is unknown here, apart from `handlers`, which names the modules that register jobs.
"""
