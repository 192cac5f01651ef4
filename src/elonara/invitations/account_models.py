"""The account that a host's invitations count for: it outlives her sign-in, her DID's link and her membership."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SendingAccount(models.Model):
    """What opt-outs, caps, pauses and the first week belong to. It is never deleted and holds no name and no DID.

    Everybody who proved one DID shares one account (`consent.accounts`), also after the link was removed or the member
    was deleted. Its row lock serializes the counting of caps.
    """

    began_at = models.DateTimeField()  # when the first of its members joined: the first week begins
    # The time zone of its days. A new one holds from the day `zone_from` on, by `consent.sending_days`.
    zone = models.CharField(max_length=64, blank=True)  # "" until it first sends
    next_zone = models.CharField(max_length=64, blank=True)
    zone_from = models.DateField(null=True, blank=True)
    # As in `HostSending`, of which a newcomer has none and a deleted member none any more.
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=60, blank=True)
    past_reports = models.PositiveIntegerField(default=0)  # reports about invitations that were deleted since

    class Meta:
        app_label = "elonara"


class SendingAccountKey(models.Model):
    """A keyed hash of a DID that was proved for the account, kept for good."""

    key = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(SendingAccount, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        app_label = "elonara"


class SendingAccountHolder(models.Model):
    """A member, and the account that her invitations count for."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="sending_account"
    )
    account = models.ForeignKey(SendingAccount, on_delete=models.CASCADE, related_name="holders")

    class Meta:
        app_label = "elonara"


class PastInvitation(models.Model):
    """What is left of a deleted invitation: a place that it took in the caps. The person is a keyed hash."""

    account = models.ForeignKey(SendingAccount, on_delete=models.CASCADE, related_name="past")
    person = models.CharField(max_length=64)  # `consent.accounts.key_of` a DID, or the hash of an address
    by_email = models.BooleanField(default=False)
    relayed = models.BooleanField(default=False)
    for_person = models.BooleanField(default=True)  # False: the first of two posts, which a person's cap counts once
    counted_on = models.DateField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        indexes = [
            models.Index(fields=["account", "counted_on"], name="past_of_an_account"),
            models.Index(fields=["account", "sent_at"], name="past_of_an_account_by_time"),
            models.Index(fields=["relayed", "counted_on"], name="past_of_the_relay"),
            models.Index(fields=["person", "counted_on"], name="past_of_a_person"),
        ]
