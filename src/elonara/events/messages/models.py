"""Rows of what guests are told, of what hosts write to them, and of who wants no e-mails about events."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from elonara.bluesky.models import Leased
from elonara.events.models import Event


class MessageKind(models.TextChoices):
    """What happened."""

    CHANGED = "changed"  # time, place or link
    CANCELLED = "cancelled"
    PLACE = "place"  # waited, and has a place now
    OFFERED = "offered"  # waited, and can take a place
    ACCEPTED = "accepted"  # asked to come, and has a place
    DECLINED = "declined"  # asked to come, and may not
    ANSWER = "answer"  # something else became of the answer: an offer ran out, a host set it
    REMINDER_DAY = "reminder_day"
    REMINDER_HOUR = "reminder_hour"
    HOST = "host"  # words of a host: `HostMessage`


class MessageState(models.TextChoices):
    """Whether a person was told. The transitions are the table in `docs/guest-messages.md`."""

    QUEUED = "queued"
    SENDING = "sending"  # handed to the mail server, perhaps taken: tried again only with the same words
    SENT = "sent"
    SHOWN = "shown"  # on the page alone: there is no address, or its owner wants no e-mails
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # stopped by the person after it was queued
    CANCELLED = "cancelled"  # not true any more, or not in time


REMINDERS = (MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOUR)
UNSENT = (MessageState.QUEUED, MessageState.SENDING)
TOLD = (MessageState.SENDING, MessageState.SENT, MessageState.SHOWN, MessageState.FAILED, MessageState.SUPPRESSED)


class HostMessage(models.Model):
    """Words of a host to her guests. Each reader has a `GuestMessage`."""

    class Audience(models.TextChoices):
        """To whom: those with this answer when the host pressed Send, or all of them."""

        GOING = "going", _("Going")
        MAYBE = "maybe", _("Maybe")
        WAITING = "waiting", _("Waiting")
        EVERYBODY = "everybody", _("Everybody")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="host_messages")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    audience = models.CharField(max_length=9, choices=Audience)
    text = models.CharField(max_length=2000)
    idempotency_key = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "by", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_host_message_per_key",
            )
        ]


class GuestMessage(Leased):
    """One person told one thing about an event. The row is the truth; a job sends the e-mail."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="guest_messages")
    # The reader, as in her answer: which may be deleted before she is told.
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="guest_messages"
    )
    did = models.CharField(max_length=256, blank=True)
    email_invitation = models.ForeignKey(
        "elonara.EmailInvitation", on_delete=models.CASCADE, null=True, blank=True, related_name="guest_messages"
    )
    reader = models.CharField(max_length=300)  # the same as one text, for the constraints (`readers.key_of`)
    kind = models.CharField(max_length=13, choices=MessageKind)
    occasion = models.CharField(max_length=40, blank=True)  # of what can happen once: a start, a host's message
    before = models.JSONField(null=True, blank=True)  # of a change: the facts that the reader knows (`facts`)
    told = models.JSONField(null=True, blank=True)  # the facts that the e-mail tells, fixed before the first attempt
    sentence = models.CharField(max_length=500, blank=True)  # what happened, where the kind alone does not say it
    word = models.CharField(max_length=500, blank=True)  # of the host, to this person
    host_message = models.ForeignKey(HostMessage, on_delete=models.CASCADE, null=True, blank=True, related_name="rows")
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.QUEUED)
    reason = models.CharField(max_length=60, blank=True)  # a stable code, in words by `invitations.reasons`
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # not told any more from then on
    message_id = models.CharField(max_length=300, blank=True)  # RFC 5322, stored before the first attempt
    token_hash = models.CharField(max_length=64, blank=True)  # of the link that stops such e-mails: /rsvp/{token}
    token_enc = models.TextField(blank=True)  # sealed; "" once the e-mail has left
    created_at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "reader"],
                condition=Q(kind=MessageKind.CHANGED, state=MessageState.QUEUED),
                name="one_change_waits_per_reader",
            ),
            models.UniqueConstraint(
                fields=["event", "reader", "kind", "occasion"],
                condition=~Q(occasion=""),
                name="told_once_per_occasion",
            ),
            models.UniqueConstraint(
                fields=["token_hash"], condition=~Q(token_hash=""), name="one_guest_message_per_token"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="guest_message_due"),
            models.Index(fields=["did"], condition=~Q(did=""), name="guest_messages_of_a_did"),
            models.Index(fields=["created_at"], name="guest_messages_by_age"),
        ]


class MessageOptOut(models.Model):
    """Somebody wants no e-mails about an event, or (event null) about any. The pages go on telling her."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    who = models.CharField(max_length=80)  # the member, or the hash of an address (`readers.member_key`, `address_key`)
    reminders_only = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(
                fields=["who", "event", "reminders_only"],
                condition=Q(event__isnull=False),
                name="one_message_opt_out_per_event",
            ),
            models.UniqueConstraint(
                fields=["who", "reminders_only"], condition=Q(event=None), name="one_message_opt_out_for_ever"
            ),
        ]
