"""What hosts and guests of an event do beside inviting, a router in each module.

The caller's own answer and the hosts' questions, the guests and what hosts do about their answers, messages to guests,
and what a guest wants by e-mail. Who may do it is decided by the actions of `events`.
"""
