"""What people said about being invited: opt-outs by DID and by e-mail address, consent to the relay, and reports."""

from django.conf import settings
from django.db import models

from elonara.events.messages.models import HostMessage
from elonara.events.models import Event

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

    @property
    def is_of_whole_site(self) -> bool:
        """Whether it stops all invitations, and not those of one host (`WHOLE_SITE`)."""
        return self.host_id is None and self.account_id is None


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


class Report(models.Model):
    """A report to the operators about an invitation, an event, or a message of a host to the guests of an event."""

    invitation = models.ForeignKey(
        "elonara.Invitation", on_delete=models.CASCADE, null=True, blank=True, related_name="reports"
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, blank=True, related_name="reports")
    message = models.ForeignKey(HostMessage, on_delete=models.SET_NULL, null=True, blank=True, related_name="reports")
    reporter_did = models.CharField(max_length=256, blank=True)  # "" where none was proved
    # Who was signed in, of an event or a message.
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    text = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(invitation__isnull=False, event=None)
                | models.Q(invitation=None, event__isnull=False),
                name="report_names_one_thing",
            )
        ]
