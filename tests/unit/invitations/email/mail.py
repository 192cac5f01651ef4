"""A fake mail server for Django, and helpers that read what it accepted."""

from django.core.mail.backends.base import BaseEmailBackend

SENT, FAULTS = [], []  # accepted messages; exceptions that the next deliveries raise
ANA = "Ana Lima <ana@example.org>"


class Server(BaseEmailBackend):
    """A mail server that accepts e-mails, or raises the next of FAULTS."""

    def send_messages(self, messages):
        if FAULTS:
            raise FAULTS.pop(0)
        SENT.extend(messages)
        return len(messages)


def token_in(message):
    return message.body.split("/rsvp/")[1].split()[0]


def reasons_of(left_out):
    return {one.text: one.reason for one in left_out}
