"""What a site does without being asked: periodic tasks, outgoing e-mail, cleaning up, metrics for the operator.

Each periodic task runs in one process at a time and stores its last result in a row that the operator can read. Work
for a single request or a single invitation does not belong here.
"""
