"""RSVPs of members, of people who proved a DID and of people invited by e-mail, and the guest list of an event.

Capacity, waiting lists, approval and questions to guests belong here, beside the RSVPs that they decide about. How
somebody was invited is not known here.
"""
