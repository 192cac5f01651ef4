"""Rows about the mail server: whether e-mail is paused, and who was refused lately."""

from django.db import models


class MailPause(models.Model):
    """The pause of all e-mail. There is one row (id 1) while it lasts, and none otherwise."""

    class Reason(models.TextChoices):
        """What the mail server refused."""

        CONNECT = "connect"
        TLS = "tls"
        AUTH = "auth"
        SENDER = "sender"
        QUOTA = "quota"
        BLOCKED = "blocked"

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    reply = models.CharField(max_length=20, blank=True)  # codes alone, "550 5.4.5": the text may hold an address
    since = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()

    class Meta:
        app_label = "elonara"


class MailRefusal(models.Model):
    """A recipient whose server refused an e-mail of ours as unwanted. Both columns are keyed hashes; kept for a day."""

    recipient_hash = models.CharField(max_length=64, primary_key=True)
    domain_hash = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "elonara"
