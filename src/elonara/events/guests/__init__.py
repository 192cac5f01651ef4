"""Who comes to an event: answers of members, of proven DIDs and of people invited by e-mail, and the list of guests.

Places, waiting lists, approval and questions to guests belong here, beside the answers that they decide about. How
somebody was invited is not known here.
"""
