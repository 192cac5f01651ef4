"""What runs the registered jobs (see `elonara.jobs`): threads in the server process, or workers on PostgreSQL.

An engine calls the handler of a key when it is woken for it, and sweeps the database for due work every few seconds, so
a lost wake delays work and never loses it. What a handler does is unknown here; `handlers` alone names the modules that
register jobs.
"""
