"""What a host has prepared and not sent yet."""

from django.conf import settings
from django.db import models

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations.models import EXACTLY_ONE_TARGET


class InvitationDraft(models.Model):
    """One host's draft for one target. What may be in it is bounded in `invitations.planning.drafts`."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    community = models.ForeignKey(Community, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    people = models.JSONField(default=list)  # whom she chose, in her order: [DID, name, handle]
    listed = models.JSONField(default=dict)  # of earlier releases: whom the page she saw last had shown
    # What the picker showed last, as in `drafts.View`.
    source = models.CharField(max_length=80, blank=True, default="", db_default="")
    sort = models.CharField(max_length=8, blank=True, default="", db_default="")
    search = models.CharField(max_length=100, blank=True, default="", db_default="")
    note = models.CharField(max_length=2000, blank=True)
    # The sentence between mention and link, "" for ours, and what posts told as she wrote it (`planning.sentences`).
    sentence = models.CharField(max_length=1000, blank=True, default="", db_default="")
    sentence_facts = models.JSONField(null=True, blank=True)
    lines = models.JSONField(default=dict)  # DID → the line for that person
    thread = models.BooleanField(default=True)
    alone_if_gone = models.BooleanField(default=False, db_default=False)
    key = models.CharField(max_length=100)  # the idempotency key of Send
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(condition=EXACTLY_ONE_TARGET, name="draft_has_one_target"),
            models.UniqueConstraint(fields=["member", "event"], name="one_draft_per_event"),
            models.UniqueConstraint(fields=["member", "community"], name="one_draft_per_community"),
        ]
