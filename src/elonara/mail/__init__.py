"""How e-mail leaves the site: the connection to the mail server, what its replies mean, and the pause of all e-mail.

Queues of e-mails are not here: `housekeeping/outgoing_email.py` has that of the site, `invitations/email` that of
hosts. Nothing here knows what an e-mail says.
"""
