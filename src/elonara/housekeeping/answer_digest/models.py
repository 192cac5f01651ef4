"""The row of a host about her digest."""

from django.conf import settings
from django.db import models


class AnswerDigest(models.Model):
    """Whether a host wants the digest, and which answers it has told. Without a row she wants it, and it told none."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    stopped = models.BooleanField(default=False)
    email = models.UUIDField(null=True, blank=True)  # the latest one, in the queue of e-mails for as long as it waits
    told_until = models.DateTimeField(null=True, blank=True)  # answers given up to this moment were told

    class Meta:
        app_label = "elonara"
