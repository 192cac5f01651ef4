"""What people said about being invited: opt-outs, by DID and by e-mail address, and consent to the relay."""

from django.conf import settings
from django.db import models

WHOLE_SITE = models.Q(host=None, account=None)  # of an opt-out


class OptOut(models.Model):
    """Somebody opted out of one host or (host and account null) of the whole site. The host cannot undo it."""

    did = models.CharField(max_length=256)
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The host's account, which stays when she is deleted or comes back as another member; null: the whole site.
    account = models.ForeignKey(
        "elonara.SendingAccount", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(fields=["did", "host"], name="one_opt_out_per_host"),
            models.UniqueConstraint(fields=["did"], condition=WHOLE_SITE, name="one_opt_out_for_the_site"),
        ]


class RelayConsent(models.Model):
    """A person who agreed to be mentioned by the relay, the site's own account."""

    did = models.CharField(max_length=256, primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"


class EmailOptOut(models.Model):
    """An address opted out of one host or (host and account null) of the whole site. Stores hashes alone."""

    address_hash = models.CharField(max_length=64)
    folded_hash = models.CharField(max_length=64, blank=True, db_index=True)  # as in `EmailInvitation`
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The host's account, which stays when she is deleted or comes back as another member; null: the whole site.
    account = models.ForeignKey(
        "elonara.SendingAccount", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(fields=["address_hash", "host"], name="one_email_opt_out_per_host"),
            models.UniqueConstraint(
                fields=["address_hash"],
                condition=WHOLE_SITE,
                name="one_email_opt_out_for_the_site",
            ),
        ]
