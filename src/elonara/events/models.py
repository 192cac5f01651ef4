"""Events, their hosts, and RSVPs."""

from django.conf import settings
from django.db import models

from elonara.communities.models import Community, Visibility


class Event(models.Model):
    """A gathering at a time and a place."""

    class Status(models.TextChoices):
        """Whether it takes place."""

        SCHEDULED = "scheduled"
        CANCELLED = "cancelled"

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(max_length=5000, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    timezone = models.CharField(max_length=64)  # IANA name, of the place of the event
    location = models.CharField(max_length=300, blank=True)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    status = models.CharField(max_length=10, choices=Status, default=Status.SCHEDULED)
    picture = models.ImageField(upload_to="events", blank=True)
    picture_alt = models.CharField(max_length=300, blank=True)
    plus_ones_allowed = models.PositiveSmallIntegerField(default=0)
    community = models.ForeignKey(Community, on_delete=models.SET_NULL, null=True, blank=True, related_name="events")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    hidden_at = models.DateTimeField(null=True, blank=True)  # by an operator: only its hosts see it
    sequence = models.PositiveIntegerField(default=0)  # RFC 5545 SEQUENCE, see `actions.CALENDAR_FIELDS`

    class Meta:
        app_label = "elonara"
        indexes = [models.Index(fields=["visibility", "status", "starts_at"])]

    def __str__(self) -> str:
        return self.title


class EventHost(models.Model):
    """A member who runs an event: its host, or a co-host once she has accepted. All of them may invite."""

    class Role(models.TextChoices):
        """Only the host chooses co-hosts and who may see the event."""

        HOST = "host"
        COHOST = "cohost"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="hosts")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hosting")
    role = models.CharField(max_length=6, choices=Role, default=Role.HOST)
    accepted_at = models.DateTimeField(null=True, blank=True)  # None of a co-host: asked, without any right
    declined_at = models.DateTimeField(null=True, blank=True)  # kept, so that nobody is asked twice

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["event", "member"], name="one_role_per_host")]


class Rsvp(models.Model):
    """The answer of one person: a member, somebody who proved an invited DID, or the reader of an e-mail invitation."""

    class Choice(models.TextChoices):
        """The possible answers."""

        GOING = "going"
        MAYBE = "maybe"
        CANT = "cant"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="answers")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="answers"
    )
    did = models.CharField(max_length=256, blank=True)
    # Set for somebody who answered by the link in that e-mail. Named as a string: events do not import invitations.
    email_invitation = models.OneToOneField(
        "elonara.EmailInvitation", on_delete=models.CASCADE, null=True, blank=True, related_name="given"
    )
    name = models.CharField(max_length=640, blank=True)
    handle = models.CharField(max_length=253, blank=True)
    choice = models.CharField(max_length=5, choices=Choice)
    plus_ones = models.PositiveSmallIntegerField(default=0)
    note = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "elonara"
        db_table = "elonara_answer"  # the name it had in 0.1.0
        indexes = [models.Index(fields=["did"], name="answers_of_a_did")]
        constraints = [
            models.UniqueConstraint(fields=["event", "member"], name="one_answer_per_member"),
            models.UniqueConstraint(fields=["event", "did"], condition=~models.Q(did=""), name="one_answer_per_did"),
            models.CheckConstraint(
                condition=models.Q(member__isnull=False) | ~models.Q(did="") | models.Q(email_invitation__isnull=False),
                name="answer_names_somebody",
            ),
        ]
