"""Answers (RSVPs) of members, of people who proved a DID, of people invited by e-mail and of guests added by name.

Places, waiting lists, offers, approval and questions to guests are here, beside the answers that they decide about, and
so is what each viewer may see of the guest list and of the place. How somebody was invited is not known here.
"""
