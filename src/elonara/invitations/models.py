"""Invitations by post and by e-mail, the announcement they reply to, and the posts that correct them."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from elonara.bluesky.models import Leased
from elonara.communities.models import Community
from elonara.events.models import Event

_WAS_SENT, _WAS_UNDONE = models.Q(sent_at__isnull=False), models.Q(undone_on__isnull=False)
_OF_EVENT = models.Q(event__isnull=False, community__isnull=True)
EXACTLY_ONE_TARGET = _OF_EVENT | models.Q(event__isnull=True, community__isnull=False)


class State(models.TextChoices):
    """The state of a post. The transitions are one table in `elonara.invitations.states`."""

    QUEUED = "queued", gettext_lazy("Queued")
    SENDING = "sending", gettext_lazy("Sending")
    SENT = "sent", gettext_lazy("Sent")
    FAILED = "failed", gettext_lazy("Failed")
    WAITING = "waiting", gettext_lazy("Waiting")
    SUPPRESSED = "suppressed", gettext_lazy("Suppressed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    UNDOING = "undoing", gettext_lazy("Undoing")
    UNDONE = "undone", gettext_lazy("Undone")
    HANDED_OVER = "handed_over", gettext_lazy("Handed Over")


class Voice(models.TextChoices):
    """Whose account the post is written from."""

    HOST = "host"
    RELAY = "relay"
    COMPOSE = "compose"  # no backend can post: the host gets a link to Bluesky's composer


def _indexes_of(name: str) -> list[models.Index]:
    """For a lane in the order of its turns and the sweep, for the jobs page, the relay's cap, and `elonara doctor`."""
    return [
        models.Index(fields=["state", "author_did", "next_attempt_at", "queued_at", "rkey"], name=f"{name}_lane"),
        models.Index(fields=["state", "reason", "queued_at"], name=f"{name}_reason"),
        models.Index(fields=["voice", "counted_on"], name=f"{name}_voice_day"),
        models.Index(fields=["last_attempt_at"], name=f"{name}_last_attempt"),
    ]


class Post(models.Model):
    """A post of ours. Author, record key and text are stored before it is sent; workers deliver it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    community = models.ForeignKey(Community, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    author_did = models.CharField(max_length=256, db_index=True)
    voice = models.CharField(max_length=7, choices=Voice, default=Voice.HOST)
    rkey = models.CharField(max_length=64)  # a TID, unique per author
    record = models.JSONField()  # text, facets, langs, embed without thumb; no createdAt, no reply
    text_limit = models.CharField(max_length=30, blank=True, default="", db_default="")  # `rich_text.TextLimit` or ""
    # What `record` tells of its target (`targets.Target.facts`), as it was written. None: by an earlier release.
    facts = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=11, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=60, blank=True)  # a stable code, in words by `invitations.reasons`
    error = models.CharField(max_length=500, blank=True)  # what the server said, never with a secret
    retryable = models.BooleanField(default=True)
    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    ambiguous = models.BooleanField(default=False)  # the last attempt may have written the post: read the key first
    next_attempt_at = models.DateTimeField(db_index=True)
    fence = models.PositiveBigIntegerField(default=0)  # of the lane's lease, when a worker claimed the row
    # The day on which it counts for the caps: an invitation for host and relay, an announcement for the relay alone.
    counted_on = models.DateField(null=True, blank=True)
    uri = models.CharField(max_length=500, blank=True)
    cid = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    undo_settled_at = models.DateTimeField(null=True, blank=True)  # the undo ends with a read that begins after this
    undo_confirmations = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()

    class Meta:
        abstract = True


class Announcement(Post):
    """The post that the invitations of a quiet thread reply to: one per target, author and host.

    Where the relay posts for two hosts of one target, each has her own, so that the one being paused, disconnected or
    refused neither ends nor holds the other's invitations.
    """

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(condition=EXACTLY_ONE_TARGET, name="announcement_has_one_target"),
            models.UniqueConstraint(fields=["author_did", "rkey"], name="announcement_key_per_author"),
            models.UniqueConstraint(
                fields=["event", "author_did", "host"],
                condition=models.Q(event__isnull=False),
                name="one_announcement_per_event",
            ),
            models.UniqueConstraint(
                fields=["community", "author_did", "host"],
                condition=models.Q(community__isnull=False),
                name="one_announcement_per_community",
            ),
        ]
        indexes = _indexes_of("announcement")


ON_ITS_WAY = (State.QUEUED, State.WAITING, State.SENDING)


class Correction(Post):
    """An update: it tells what has changed since other posts about the target went out, and mentions nobody.

    It replies to its host's announcement, and is a post of its own where there is none. A host has one on its way at
    a time.
    """

    announcement = models.ForeignKey(Announcement, models.CASCADE, null=True, blank=True, related_name="corrections")
    changed = models.JSONField(default=list)  # the names of the facts that its text calls new

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(condition=EXACTLY_ONE_TARGET, name="correction_has_one_target"),
            models.UniqueConstraint(fields=["author_did", "rkey"], name="correction_key_per_author"),
            models.UniqueConstraint(
                fields=["event", "host"],
                condition=models.Q(event__isnull=False, state__in=ON_ITS_WAY),
                name="one_correction_at_a_time_of_event",
            ),
            models.UniqueConstraint(
                fields=["community", "host"],
                condition=models.Q(community__isnull=False, state__in=ON_ITS_WAY),
                name="one_correction_at_a_time_of_group",
            ),
        ]
        indexes = _indexes_of("correction")


class Batch(models.Model):
    """One Send: the invitations that a host queued together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, blank=True)
    community = models.ForeignKey(Community, on_delete=models.CASCADE, null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    # The host's own sentence between mention and link ("": ours), and what posts told of the target as she wrote it.
    sentence = models.CharField(max_length=300, blank=True, default="", db_default="")
    sentence_facts = models.JSONField(null=True, blank=True)
    thread = models.BooleanField(default=True)
    # What becomes of replies whose announcement was deleted on Bluesky: they go alone, or (False) the host is asked.
    alone_if_gone = models.BooleanField(default=False, db_default=False)
    idempotency_key = models.CharField(max_length=100, blank=True)
    skipped = models.JSONField(default=list)  # [{did, handle, reason}]
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(condition=EXACTLY_ONE_TARGET, name="batch_has_one_target"),
            models.UniqueConstraint(
                fields=["host", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="one_batch_per_idempotency_key",
            ),
        ]


class Invitation(Post):
    """One person invited to one target."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="invitations")
    announcement = models.ForeignKey(
        Announcement, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations"
    )
    invitee_did = models.CharField(max_length=256)
    invitee_handle = models.CharField(max_length=253)
    invitee_name = models.CharField(max_length=640, blank=True)
    invitee_avatar = models.URLField(max_length=1000, blank=True)
    line = models.CharField(max_length=200, blank=True)  # the personal line
    ref = models.CharField(max_length=32, unique=True)  # /i/{ref}, not a secret (`compose.ref_for`)
    needs_confirmation = models.BooleanField(default=False)  # recomposed or unsure: the host is asked first
    outdated = models.BooleanField(default=False)  # sent, or may be, and the target has changed since
    undone_once = models.BooleanField(default=False)
    # Of an invitation that was sent again: the day and voice for which its first, undone post is counted.
    undone_on = models.DateField(null=True, blank=True)
    undone_voice = models.CharField(max_length=7, choices=Voice, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)  # of 0.1.0: neither read nor written any more
    answer = models.CharField(max_length=8, blank=True)  # going | waiting | maybe | cant | joined | declined
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.CheckConstraint(condition=EXACTLY_ONE_TARGET, name="invitation_has_one_target"),
            models.UniqueConstraint(fields=["author_did", "rkey"], name="invitation_key_per_author"),
            models.UniqueConstraint(
                fields=["event", "invitee_did"],
                condition=models.Q(event__isnull=False),
                name="invited_once_to_an_event",
            ),
            models.UniqueConstraint(
                fields=["community", "invitee_did"],
                condition=models.Q(community__isnull=False),
                name="invited_once_to_a_community",
            ),
        ]
        indexes = [
            *_indexes_of("invitation"),
            models.Index(fields=["invitee_did", "state"]),
            models.Index(fields=["state", "next_attempt_at"]),
            models.Index(fields=["host", "counted_on"]),
            models.Index(fields=["host", "undone_on"], condition=_WAS_UNDONE, name="taken_back_on_a_day"),
            models.Index(fields=["undone_voice", "undone_on"], condition=_WAS_UNDONE, name="taken_back_voice_day"),
            models.Index(fields=["event", "created_at", "rkey"], name="invitation_event_order"),
            models.Index(fields=["community", "created_at", "rkey"], name="invitation_community_order"),
            models.Index(fields=["host", "sent_at"], condition=_WAS_SENT, name="invitation_last_sent"),
            models.Index(fields=["answer", "sent_at"], condition=_WAS_SENT, name="invitation_answers"),
        ]


class HostSending(models.Model):
    """One host's sending: pause, relay approval. Its row lock serializes the counting of caps (`consent.caps`)."""

    host = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="sending"
    )
    relay_approved = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=60, blank=True)  # spam_label | opt_outs | operator
    first_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"


class EmailState(models.TextChoices):
    """The state of an e-mail invitation."""

    QUEUED = "queued", gettext_lazy("Queued")
    SENT = "sent", gettext_lazy("Sent")
    FAILED = "failed", gettext_lazy("Failed")
    SUPPRESSED = "suppressed", gettext_lazy("Suppressed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")


class EmailInvitation(Leased):
    """One person invited to an event by e-mail. Whoever has the link of the e-mail answers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="email_invitations")
    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address_enc = models.TextField(blank=True)  # sealed; "" once the event is over
    address_hash = models.CharField(max_length=64)  # keyed: identifies the address after it was deleted
    # The same without its `+tag`: for opt-outs alone. "": stored by a release that had none.
    folded_hash = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=500, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)  # /rsvp/{token}
    token_enc = models.TextField(blank=True)  # sealed; "" once the e-mail has left
    state = models.CharField(max_length=10, choices=EmailState, default=EmailState.QUEUED)
    reason = models.CharField(max_length=60, blank=True)  # a stable code, in words by `invitations.reasons`
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    counted_on = models.DateField(null=True, blank=True)  # the day on which it counts for the caps
    site_day = models.DateField(null=True, blank=True, db_index=True)  # the UTC day on which it counts for the site
    sent_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=8, blank=True)  # going | waiting | maybe | cant
    answered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["event", "address_hash"], name="invited_once_by_email")]
        indexes = [
            models.Index(fields=["address_hash", "counted_on"]),
            models.Index(fields=["host", "counted_on"], name="emailed_on_a_day"),
            models.Index(fields=["state", "due_at"], name="email_due"),
            models.Index(fields=["state", "reason", "created_at"], name="email_reason"),
            models.Index(fields=["host", "sent_at"], condition=_WAS_SENT, name="email_last_sent"),
            models.Index(fields=["event"], condition=models.Q(address_enc__gt=""), name="email_address_kept"),
        ]
