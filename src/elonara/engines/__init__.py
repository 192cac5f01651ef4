"""What runs the registered jobs (see `elonara.jobs`)."""
