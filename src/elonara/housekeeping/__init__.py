"""What a site does by itself so that it goes on working: periodic tasks, outgoing e-mail, cleaning up, figures.

Each periodic task is run by one process at a time, with its last result in a row that the operator can read. What is
done for one request or one invitation does not belong here.
"""
