"""What guests are told about an event: a row for each person and each thing that happened (`models.GuestMessage`).

`telling` writes the rows in the transaction of the change itself, with a notice on the pages of members; `reminders`
writes those before the start. How the rows become e-mails is not known here: see `invitations/guest_emails`.
"""
